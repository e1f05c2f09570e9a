//! wbx
fn main() {}
