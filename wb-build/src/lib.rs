//! placeholder

pub mod splice;
