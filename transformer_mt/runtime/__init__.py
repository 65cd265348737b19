"""The machine and the processes that the program runs on."""
