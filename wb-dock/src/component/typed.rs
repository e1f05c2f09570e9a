//! What the typed interfaces have in common: names, failures, outputs.

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lower};

use crate::cap::FailureKind;
use crate::cap::child::Ran;
use crate::client::Refusal;
use crate::guest::Guest;

/// The store as a function of the host gets it.
pub(crate) type Store<'s> = StoreContextMut<'s, Guest>;

/// What a function of an interface returns: a WIT `result`, or the end of the guest.
pub(crate) type Told<T> = wasmtime::Result<(Result<T, Failure>,)>;

/// The name of an interface of the Dock, with its version.
pub(crate) fn interface(name: &str) -> String {
    format!("workbooks:dock/{name}@1.0.0")
}

/// `types.failure`.
#[derive(Clone, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
}

/// `types.failure-kind`.
#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum Kind {
    #[component(name = "not-found")]
    NotFound,
    #[component(name = "too-deep")]
    TooDeep,
    #[component(name = "refused")]
    Refused,
    #[component(name = "bad-request")]
    BadRequest,
    #[component(name = "failed")]
    Failed,
    #[component(name = "limit")]
    Limit,
    #[component(name = "unavailable")]
    Unavailable,
    #[component(name = "timed-out")]
    TimedOut,
}

impl From<crate::cap::Failure> for Failure {
    fn from(failure: crate::cap::Failure) -> Self {
        Self {
            kind: match failure.kind {
                FailureKind::NotFound => Kind::NotFound,
                FailureKind::Refused => Kind::Refused,
                FailureKind::BadRequest => Kind::BadRequest,
                FailureKind::Failed => Kind::Failed,
                FailureKind::Limit => Kind::Limit,
                FailureKind::TooDeep => Kind::TooDeep,
                FailureKind::Unavailable => Kind::Unavailable,
                FailureKind::TimedOut => Kind::TimedOut,
            },
            message: failure.message,
        }
    }
}

/// Tells a guest what a checked operation answered, unless that ends it.
pub(crate) fn told<T>(answer: Result<T, Refusal>) -> Told<T> {
    match answer {
        Ok(value) => Ok((Ok(value),)),
        Err(Refusal::Failed(failure)) => Ok((Err(failure.into()),)),
        Err(Refusal::Stop(stop)) => Err(stop.into()),
    }
}

/// `types.output`.
#[derive(Clone, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Output {
    #[component(name = "exit-code")]
    exit_code: i32,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// What came of a run, where a crash is a failure.
pub(crate) fn output(ran: Ran) -> Result<Output, crate::cap::Failure> {
    Ok(Output {
        exit_code: ran.result?,
        stdout: ran.stdout.into(),
        stderr: ran.stderr.into(),
    })
}
