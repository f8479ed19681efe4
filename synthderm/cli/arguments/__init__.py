"""The arguments of the commands, each in a module that imports neither torch nor numpy: mistakes in
them show at once, and not after the seconds that torch takes to import."""
