//! One call of a worker, as the host hears it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use wb_dock::{InvocationParts, Outcome, RandomOf, RemoteRun, Unanswered};
use wb_policy::Exceeded;

use super::explain;
use super::report::Allowed;
use crate::Contract;
use crate::channel::Worker;
use crate::host::Host;
use crate::wire::ask::Refused;
use crate::wire::{Fault, FaultOutcome, FromWorker, Report, Run, ToWorker, Work};

/// How much later than the guest's deadline its worker is killed. The worker ends
/// the guest by itself, and has then more to tell.
const GRACE: Duration = Duration::from_millis(500);

/// How a call ended from the worker's side.
pub(super) struct Ended {
    pub(super) outcome: Result<(Bytes, Outcome), wb_dock::Error>,
    /// Whether the worker can be called again.
    pub(super) is_in_step: bool,
}

/// One call, from its first message to its last.
pub(super) fn call(
    worker: &mut Worker,
    run: &mut RemoteRun,
    contract: &Contract,
    parts: InvocationParts,
    work: Work,
) -> io::Result<Ended> {
    worker.set_time(run.time_left().saturating_add(GRACE));
    let limits = run.limits();
    let allowed = Allowed::new(limits.output, &parts.mounts);
    let (message, mut host) = prepare(run, parts, work);
    worker.send(&ToWorker::Run(message))?;
    // What a run can leave: output, files and a value, which its memory holds.
    let room = limits.output.saturating_add(limits.memory);
    // Set when the host ends the guest, which then reports what it has done.
    let mut over: Option<Exceeded> = None;
    loop {
        let message = match (worker.receive_of_run(room), &over) {
            (Ok(message), _) => message,
            // It had its time to report.
            (Err(_), Some(over)) => {
                return Ok(Ended {
                    outcome: Err(over.clone().into()),
                    is_in_step: false,
                });
            }
            (Err(error), None) => return Err(error),
        };
        match message {
            FromWorker::Ask(ask) => {
                let answer = match &over {
                    Some(over) => Err(Refused::Stop(over.into())),
                    None => host.answer(ask).map_err(|unanswered| match unanswered {
                        Unanswered::Failed(failure) => Refused::Failed(failure.into()),
                        Unanswered::Stop(exceeded) => {
                            worker.set_time(GRACE);
                            Refused::Stop((&*over.insert(exceeded)).into())
                        }
                    }),
                };
                match worker.send(&ToWorker::Answer(answer)) {
                    Err(error) if over.is_none() => return Err(error),
                    // What it has written may be there all the same.
                    _ => {}
                }
            }
            FromWorker::Done(ended) => {
                let told = |report| allowed.outcome(report, host.output);
                return self::ended(ended, over, told, host.run, contract);
            }
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "no word of the run",
                ));
            }
        }
    }
}

/// What a worker says that its run came to, as far as the host believes it.
fn ended(
    ended: Result<Report, Box<FaultOutcome>>,
    over: Option<Exceeded>,
    told: impl FnOnce(Report) -> io::Result<(Bytes, Outcome)>,
    run: &RemoteRun,
    contract: &Contract,
) -> io::Result<Ended> {
    let (fault, report) = match ended {
        Ok(report) => (None, Some(report)),
        Err(ended) => (Some(ended.0), ended.1),
    };
    // A guest that goes on when it was ended is none of an honest worker.
    let is_in_step = over.is_none() || matches!(fault, Some(Fault::Limit(_)));
    let told = report.map(told).transpose()?;
    let error = match (over, fault) {
        (Some(over), _) => wb_dock::Error::from(over),
        (None, Some(Fault::Limit(met))) => {
            let used = told.as_ref().map(|(_, outcome)| outcome.usage);
            run.in_full(met.into(), &used.unwrap_or_default()).into()
        }
        (None, Some(fault)) => explain(fault, contract, run),
        (None, None) => {
            let told = told.expect("a run without a fault has a report");
            return Ok(Ended {
                outcome: Ok(told),
                is_in_step,
            });
        }
    };
    let error = match told {
        Some((_, outcome)) => error.with_outcome(outcome),
        None => error,
    };
    Ok(Ended {
        outcome: Err(error),
        is_in_step,
    })
}

/// The message that starts a run, and what stays with the host of it.
fn prepare(run: &mut RemoteRun, parts: InvocationParts, work: Work) -> (Run, Host<'_>) {
    let limits = run.is_nested().then(|| run.limits().into());
    let (stdin, stream) = parts.stdin.into_parts();
    let streams = (parts.stdout.into_stream(), parts.stderr.into_stream());
    let session = run.session();
    let message = Run {
        work,
        limits,
        session: (session.id.clone(), session.tenant.clone()),
        name: parts.name,
        args: parts.args,
        env: parts.env,
        stdin1: parts.arg_mode == wb_dock::ArgMode::Stdin1,
        mounts: parts.mounts.iter().map(Into::into).collect(),
        stdin,
        stdin_goes_on: stream.is_some(),
        streams: (streams.0.is_some(), streams.1.is_some()),
        host_clock: run.clock().is_some(),
        seed: match run.random() {
            RandomOf::Seed(seed) => Some(seed),
            RandomOf::Host(_) => None,
        },
    };
    let host = Host {
        run,
        stdin: stream,
        stdout: streams.0,
        stderr: streams.1,
        output: 0,
    };
    (message, host)
}
