"""CLAIMS → WHO, WHAT IS KNOWN, WHAT WAS SPENT. Imports none of our packages."""
