"""The command line, one file a command. Start at main.py."""
