"""Pages that people read: complete without JavaScript, one template each."""
