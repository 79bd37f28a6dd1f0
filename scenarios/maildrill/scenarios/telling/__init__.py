"""A violation told so that it teaches: what should hold, who says what, and the line where it went wrong. Pure."""
