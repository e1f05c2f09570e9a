//! Real builds: the compilers, provisioned as a user would have them provisioned.

mod c;
mod component;
mod dock;
mod guests;
mod home;
mod js;
mod media;
mod packs;
mod ts;
