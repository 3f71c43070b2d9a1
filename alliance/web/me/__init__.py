"""My giving: where supporters see what they gave, and decide about what is kept of them."""
