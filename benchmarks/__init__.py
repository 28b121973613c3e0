"""Side by side with other readers, on the real guest; they are installed here alone and never part of the product."""
