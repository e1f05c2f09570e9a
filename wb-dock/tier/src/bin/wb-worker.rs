//! The worker on its own: small enough for container and machine images, and for
//! hosts that are no program of their own.

fn main() {
    #[cfg(target_os = "linux")]
    wb_tier::worker_if_asked();
    std::process::exit(2);
}
