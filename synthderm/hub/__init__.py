"""Models as folders: found by name, folder or Hub id, read strictly, published with a card."""
