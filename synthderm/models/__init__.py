"""The networks: the generator of skin, the eczema editor, and how they are loaded."""
