"""What the commands do, one module for each that does more than start a program; imported when it is run."""
