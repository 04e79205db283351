//! What every implementation of the port keeps to.
