//! Isolation tiers for the Dock: process, virtual machine and container, over one wire protocol.
