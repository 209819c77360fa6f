"""THE COMMAND LINE: the table of contents. Imports all; nothing imports it."""
