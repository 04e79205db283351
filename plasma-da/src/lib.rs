//! Data availability for the Plasma SDK: durable, content-addressed bytes that the root can open by itself.
