//! The engine of a worker, which is made and used before the worker is confined: after
//! that there are no new threads.

use wb_dock::{Engine, Error, Grant, Invocation, Services};

use super::{Kind, Settings};

/// A program that does nothing, as a command and as a kernel:
///
/// ```wat
/// (module
///   (memory (export "memory") 1)
///   (func (export "_start"))
///   (func (export "in_ptr") (export "out_ptr") (result i32) i32.const 0)
///   (func (export "process") (param i32) (result i32) local.get 0))
/// ```
const NOTHING: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x0d\x03\x60\0\0\x60\0\x01\x7f\x60\x01\x7f\x01\x7f\
    \x03\x04\x03\0\x01\x02\
    \x05\x03\x01\0\x01\
    \x07\x30\x05\x06memory\x02\0\x06_start\0\0\x06in_ptr\0\x01\x07out_ptr\0\x01\x07process\0\x02\
    \x0a\x0e\x03\x02\0\x0b\x04\0\x41\0\x0b\x04\0\x20\0\x0b";

/// An engine that has started every thread it will ever need.
pub(super) fn warm(settings: Settings) -> Result<Engine, Error> {
    let mut engine = Engine::builder().fuel(settings.fuel);
    if settings.kind == Kind::Command {
        // A component has as many memories as it likes, and kernels never pool theirs.
        engine = engine.pooling(1);
    }
    let engine = engine.build()?;
    let nothing = engine.load(NOTHING)?;
    let (grant, services) = (Grant::none(), Services::default());
    match settings.kind {
        Kind::Command | Kind::Component => {
            nothing
                .admit(&grant, &services)?
                .run(Invocation::new("warm"))?;
        }
        Kind::Kernel => {
            let mut kernel = nothing
                .admit_kernel("process", &grant, &services)?
                .open("warm")?;
            kernel.call(&[])?;
        }
    }
    Ok(engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_what_it_says() {
        let text = r#"(module
          (memory (export "memory") 1)
          (func (export "_start"))
          (func (export "in_ptr") (export "out_ptr") (result i32) i32.const 0)
          (func (export "process") (param i32) (result i32) local.get 0))"#;
        assert_eq!(wat::parse_str(text).unwrap(), NOTHING);
    }

    #[test]
    fn an_engine_is_ready_for_what_it_will_run() {
        for kind in Kind::ALL {
            let settings = Settings {
                memory: 1 << 20,
                fuel: kind == Kind::Kernel,
                kind,
                is_machine: false,
            };
            warm(settings).unwrap();
        }
    }
}
