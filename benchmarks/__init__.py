"""Side-by-side runs against peers and limits; one command each."""
