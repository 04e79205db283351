//! Compose an application-specific chain from pluggable execution, data availability, sequencing and settlement.
