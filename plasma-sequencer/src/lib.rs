//! Sequencing for the Plasma SDK: a bounded mempool and the orderers that certify blocks.
