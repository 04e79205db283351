//! Whole blocks, through the port.
