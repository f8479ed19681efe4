"""The audit of generated images: copies of photographs, fidelity, labels, skin tone, leaks."""
