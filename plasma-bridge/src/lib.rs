//! Settlement for the Plasma SDK: the root layer's contracts and the client that speaks to them.
