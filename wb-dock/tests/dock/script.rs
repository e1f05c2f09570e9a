//! Guests written as a list of calls, on an engine of their own.

use wb_dock::{Engine, Error, Grant, Invocation, Outcome, Program, Services};

#[path = "../../conformance/src/script.rs"]
#[allow(dead_code, reason = "shared with the conformance suite")]
mod shared;

pub(crate) use shared::{Answer, Arg, Script, calls};

impl Answer {
    pub(crate) fn value(&self) -> &str {
        std::str::from_utf8(&self.value).unwrap()
    }

    /// The status and the message of a call that failed.
    pub(crate) fn failure(&self) -> (i32, &str) {
        assert!(self.number < 0, "{self:?}");
        (self.number, &self.message)
    }
}

impl Script {
    pub(crate) fn program(&self, engine: &Engine) -> Program {
        engine.load(&self.wasm()).unwrap()
    }

    /// Runs the script as `guest`.
    pub(crate) fn try_run(&self, grant: &Grant, services: &Services) -> Result<Outcome, Error> {
        let program = self.program(&Engine::new().unwrap());
        program
            .admit(grant, services)?
            .run(Invocation::new("guest"))
    }

    /// Runs the script to its end, and returns the answers.
    pub(crate) fn run(&self, grant: &Grant, services: &Services) -> Vec<Answer> {
        answers(&self.try_run(grant, services).unwrap().stdout)
    }
}

/// The answers that a script wrote.
pub(crate) fn answers(written: &[u8]) -> Vec<Answer> {
    shared::answers(written).unwrap()
}
