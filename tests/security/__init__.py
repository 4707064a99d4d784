"""What someone may try: with an address, a file, a text, a document, a pack; and that it comes to nothing."""
