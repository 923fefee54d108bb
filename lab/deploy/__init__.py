"""What lab.py is made of: shell (commands, messages), names (what a prefix decides), directory, images, stack."""
