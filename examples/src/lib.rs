//! Programs of a screen each; see the files beside this one.
