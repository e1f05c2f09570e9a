//! The conformance and escape suite for hosts of the Dock.
