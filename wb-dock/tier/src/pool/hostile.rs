//! Workers that were taken over: whatever they say, the host has a typed answer, does
//! not wait for ever, and does nothing that was not granted.

use std::io::{BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use serde::Serialize;
use tempfile::NamedTempFile;
use wb_dock::cap::{Failure, FailureKind, Kv, Principal};
use wb_dock::{Job, Output};
use wb_policy::{Cap, Limits, Profile, Scopes, Trust};

use super::*;
use crate::Runner;
use crate::wire::ask::{
    Ask, CommandAsk, KvAsk, LlmAsk, QueueAsk, Refused, SecretsAsk, StreamAsk, Transport, UdpAsk,
    VfsAsk, WireUsed,
};
use crate::wire::{Report, WireFiles, read_frame, write_frame};

/// Says what it was made to say, whatever it is told, and then does something else.
struct Fake {
    says: NamedTempFile,
    then: String,
}

impl Launch for Fake {
    const TIER: Tier = Tier::Process;
    const ALONE: bool = false;
    const START: Duration = Duration::from_secs(3);

    fn launch(&self, _: Settings) -> Result<Worker, Error> {
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(format!("cat \"$0\"; {}", self.then))
            .arg(self.says.path())
            .stderr(Stdio::null());
        Worker::spawn(command).map_err(|error| Error::start(Tier::Process, &error))
    }
}

/// Hears everything and says no more.
const LISTENS: &str = "exec cat > /dev/null";
/// Neither hears nor says anything, and is there.
const STAYS: &str = "exec sleep 60";
const ENDS: &str = "exit 3";

fn fake(says: &[u8], then: &str) -> Pool<Fake> {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(says).unwrap();
    Pool::new(Fake {
        says: file,
        then: then.to_owned(),
    })
}

fn run(says: &[u8], then: &str) -> Result<Outcome, Error> {
    let mut limits = Grant::none().limits();
    limits.wall = Duration::from_millis(300);
    let grant = Grant::none().narrow_limits(limits);
    let guest = Invocation::new("guest");
    fake(says, then).run(&module(), &grant, &Services::default(), guest)
}

fn module() -> Module {
    Module::new("nobody reads this")
}

fn frame(message: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    write_frame(&mut out, message, &mut Vec::new()).unwrap();
    out
}

fn frames(messages: &[FromWorker]) -> Vec<u8> {
    messages.iter().flat_map(frame).collect()
}

fn hello(version: u16, seccomp: bool) -> FromWorker {
    FromWorker::Hello {
        version,
        confinement: Confinement {
            seccomp,
            landlock: 7,
            no_new_privileges: true,
            unprivileged: true,
            namespaces: true,
            resource_limits: true,
        },
    }
}

/// A worker with its program in it, that says `then` when told to run it.
fn ready(then: Vec<FromWorker>) -> Vec<u8> {
    let mut messages = vec![hello(wire::VERSION, true), FromWorker::Loaded(Ok(()))];
    messages.extend(then);
    frames(&messages)
}

fn done(report: Report) -> FromWorker {
    FromWorker::Done(Ok(report))
}

#[test]
fn what_is_no_worker_gets_no_program() {
    let cut = frames(&[hello(wire::VERSION, true)]);
    let cases: [(Vec<u8>, &str, &str, &str); 7] = [
        (
            frames(&[hello(99, true)]),
            LISTENS,
            "tier/start",
            "version 99 of the protocol, version 2 wanted",
        ),
        (
            frames(&[FromWorker::Loaded(Ok(()))]),
            LISTENS,
            "tier/start",
            "did not say hello",
        ),
        (
            frames(&[hello(wire::VERSION, false)]),
            LISTENS,
            "tier/unavailable",
            "seccomp filters",
        ),
        (
            vec![0xff; 4],
            LISTENS,
            "tier/start",
            "a frame of 4294967295 bytes, at most 4096 wanted",
        ),
        (
            [&[4, 0, 0, 0][..], &[0xff; 4]].concat(),
            LISTENS,
            "tier/start",
            "no process worker could be started",
        ),
        (cut[..cut.len() / 2].to_vec(), ENDS, "tier/start", "code 3"),
        (Vec::new(), STAYS, "tier/start", "timed out"),
    ];
    for (says, then, code, message) in cases {
        let error = run(&says, then).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn what_breaks_the_protocol_in_a_call_is_a_typed_error() {
    let cut = frame(&done(Report::default()));
    let cut = [ready(vec![]), cut[..cut.len() - 1].to_vec()].concat();
    let long = [ready(vec![]), vec![0xff; 4]].concat();
    let output = Report {
        stdout: vec![b'x'; 32 << 20].into(),
        ..Report::default()
    };
    let climbs = Report {
        files: WireFiles(vec![("/../etc/passwd".into(), Bytes::new(), true)]),
        ..Report::default()
    };
    let cases: [(Vec<u8>, &str, &str, &str); 9] = [
        (
            frames(&[hello(wire::VERSION, true), done(Report::default())]),
            LISTENS,
            "tier/protocol",
            "no word of the program",
        ),
        (
            ready(vec![FromWorker::Attempted(None)]),
            LISTENS,
            "tier/protocol",
            "no word of the run",
        ),
        (
            ready(vec![hello(wire::VERSION, true)]),
            LISTENS,
            "tier/protocol",
            "no word of the run",
        ),
        (
            long,
            LISTENS,
            "tier/protocol",
            "a frame of 4294967295 bytes",
        ),
        (
            ready(vec![done(output)]),
            LISTENS,
            "tier/protocol",
            "bytes of output",
        ),
        (
            ready(vec![done(climbs)]),
            LISTENS,
            "tier/protocol",
            "`/../etc/passwd` outside of the writable mounts",
        ),
        (cut.clone(), ENDS, "tier/worker-died", "exited with code 3"),
        (cut, STAYS, "policy/time-limit", "wall-time limit of 300 ms"),
        (ready(vec![]), STAYS, "policy/time-limit", "by `guest`"),
    ];
    for (says, then, code, message) in cases {
        let error = run(&says, then).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn a_worker_that_does_not_read_is_not_waited_for() {
    let mut limits = Grant::none().limits();
    limits.wall = Duration::from_millis(300);
    let grant = Grant::none().narrow_limits(limits);
    // More than a pipe holds.
    let guest = Invocation::new("guest").stdin(vec![b'x'; 8 << 20]);
    let started = Instant::now();
    let pool = fake(&ready(vec![]), STAYS);
    let error = pool.run(&module(), &grant, &Services::default(), guest);
    assert_eq!(error.unwrap_err().code(), "policy/time-limit");
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// Does `what`, which must not take for ever.
fn in_time<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(what()));
    let ended = receive.recv_timeout(Duration::from_secs(20));
    ended.expect("the host goes on for ever")
}

#[test]
fn a_worker_that_keeps_the_wire_full_is_out_of_time() {
    let mut asks = NamedTempFile::new().unwrap();
    let ask = frame(&FromWorker::Ask(Ask::WallTime));
    asks.write_all(&ask.repeat(4096)).unwrap();
    // It reads whatever it is answered, so that the host never waits to be read.
    let then = format!(
        "exec 3<&0; cat <&3 >/dev/null & while cat {}; do :; done",
        asks.path().display()
    );
    let ended = in_time(move || run(&ready(vec![]), &then));
    assert_eq!(ended.unwrap_err().code(), "policy/time-limit");
}

fn job(change: impl FnOnce(&mut Limits)) -> Job {
    let mut limits = Grant::none().limits();
    limits.children = 8;
    change(&mut limits);
    Job::start("job", limits)
}

/// A run inside of a job.
fn in_job(job: &Job, pool: &Pool<Fake>) -> Result<Outcome, Error> {
    let grant = Grant::none();
    let account = job.account("guest", grant.limits()).unwrap();
    let guest = Invocation::new("guest");
    pool.run_on(account, &module(), &grant, &Services::default(), guest)
}

#[test]
fn output_is_what_came_and_not_what_is_claimed() {
    let job = job(|limits| limits.output = 1024);
    let says = |bytes| {
        let stdout = Bytes::from(vec![b'x'; bytes]);
        let report = Report {
            stdout,
            ..Report::default()
        };
        fake(&ready(vec![done(report)]), LISTENS)
    };
    let outcome = in_job(&job, &says(1000)).unwrap();
    assert_eq!((outcome.stdout.len(), outcome.usage.output), (1000, 1000));
    assert_eq!(job.usage().output, 1000);
    // What the job has left, not what its own grant gives, bounds the next one.
    let error = in_job(&job, &says(1000)).unwrap_err();
    assert_eq!(error.code(), "tier/protocol", "{error}");
    assert_eq!(in_job(&job, &says(24)).unwrap().usage.output, 24);
    assert_eq!(job.usage().output, 1024);
}

#[test]
fn output_that_is_claimed_beyond_the_budget_is_not_kept() {
    let job = job(|limits| limits.output = 1024);
    let report = Report {
        stdout: Bytes::from_static(b"kept by nobody"),
        output: 1 << 40,
        ..Report::default()
    };
    let error = in_job(&job, &fake(&ready(vec![done(report)]), LISTENS)).unwrap_err();
    assert_eq!(error.code(), "policy/output-limit");
    let Error::Dock(error) = error else {
        panic!("{error}")
    };
    assert!(
        error
            .outcome()
            .is_some_and(|outcome| outcome.stdout.is_empty())
    );
}

#[test]
fn output_passed_on_and_brought_back_is_added_up() {
    let say = FromWorker::Ask(Ask::Output(false, Bytes::from_static(b"12345678")));
    let report = Report {
        stderr: Bytes::from_static(b"12345678"),
        ..Report::default()
    };
    let says = ready(vec![say, done(report)]);
    let run = |limit| {
        let grant = granted(|limits| limits.output = limit);
        let guest = Invocation::new("guest").stdout(Output::stream(Vec::new()));
        fake(&says, LISTENS).run(&module(), &grant, &Services::default(), guest)
    };
    assert_eq!(run(16).unwrap().usage.output, 16);
    assert_eq!(run(15).unwrap_err().code(), "tier/protocol");
}

#[test]
fn a_list_of_nothing_does_not_fill_the_memory_of_the_host() {
    let inputs = vec![Bytes::new(); 1 << 20];
    let (name, used) = ("x".to_owned(), WireUsed::default());
    let parallel = FromWorker::Ask(Ask::Parallel { name, inputs, used });
    let error = run(&ready(vec![parallel]), LISTENS).unwrap_err();
    assert_eq!(error.code(), "tier/protocol", "{error}");
    // Longer than any question.
    let ask = FromWorker::Ask(Ask::Kv(KvAsk::Put(
        "x".to_owned(),
        vec![0; 18 << 20].into(),
    )));
    let error = run(&ready(vec![ask]), LISTENS).unwrap_err();
    assert!(
        error.to_string().contains("at most 17825792 wanted"),
        "{error}"
    );
}

#[test]
fn workers_end_before_what_they_run_on() {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let pool = Pool::new(Noted {
        fake: fake(&ready(vec![done(Report::default())]), LISTENS).launch,
        ended: ended.clone(),
    });
    let guest = Invocation::new("guest");
    pool.run(&module(), &Grant::none(), &Services::default(), guest)
        .unwrap();
    assert_eq!(pool.idle_processes().len(), 1);
    drop(pool);
    assert_eq!(*ended.lock().unwrap(), ["worker", "launch"]);
}

#[test]
fn what_strangers_wrote_is_not_compiled_by_the_host() {
    let says = ready(vec![done(Report::default())]);
    let run = |trust| {
        let mut pool = fake(&says, LISTENS);
        pool.compile_on(Engine::new().unwrap());
        let grant = Grant::decide(CapSet::EMPTY, trust, &Profile::minimal(), None);
        let guest = Invocation::new("guest");
        pool.run(&module(), &grant.unwrap(), &Services::default(), guest)
    };
    // The module is none, which a compiler would notice.
    assert_eq!(run(Trust::FirstParty).unwrap_err().code(), "dock/malformed");
    assert_eq!(run(Trust::ThirdParty).unwrap().exit_code, 0);
}

#[test]
fn a_nested_run_starts_within_the_time_of_its_caller() {
    let is_there = frames(&[hello(wire::VERSION, true)]);
    for says in [Vec::new(), is_there, ready(vec![])] {
        let job = job(|limits| limits.wall = Duration::from_millis(300));
        let started = Instant::now();
        let error = in_job(&job, &fake(&says, STAYS)).unwrap_err();
        assert_eq!(error.code(), "policy/time-limit", "{error}");
        assert!(error.to_string().contains("by `job`"), "{error}");
        assert!(started.elapsed() < Fake::START, "{error}");
    }
}

/// Notes what ends.
struct Noted {
    fake: Fake,
    ended: Arc<Mutex<Vec<&'static str>>>,
}

impl Launch for Noted {
    const TIER: Tier = Tier::Process;
    const ALONE: bool = false;

    fn launch(&self, settings: Settings) -> Result<Worker, Error> {
        let ended = self.ended.clone();
        let worker = self.fake.launch(settings)?;
        Ok(worker.on_end(move || ended.lock().unwrap().push("worker")))
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.ended.lock().unwrap().push("launch");
    }
}

/// Counts how often it is reached.
#[derive(Default)]
struct Counted(AtomicU64);

impl Counted {
    fn reached(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Kv for Counted {
    fn get(&self, _: &Principal<'_>, _: &str) -> Result<Option<Bytes>, Failure> {
        self.count();
        Ok(None)
    }

    fn put(&self, _: &Principal<'_>, _: &str, _: Bytes) -> Result<(), Failure> {
        self.count();
        Ok(())
    }

    fn delete(&self, _: &Principal<'_>, _: &str) -> Result<bool, Failure> {
        self.count();
        Ok(false)
    }

    fn list(&self, _: &Principal<'_>, _: &str) -> Result<Vec<String>, Failure> {
        self.count();
        Ok(Vec::new())
    }
}

/// One question for each thing that a host can be asked for.
fn everything() -> Vec<Ask> {
    let text = || "x".to_owned();
    let request = wb_dock::cap::Request {
        method: "GET".to_owned(),
        url: "https://a.example/".to_owned(),
        headers: Vec::new(),
        body: Bytes::new(),
        timeouts: wb_dock::cap::Timeouts::default(),
        redirects: 0,
    };
    let command = |is_exec| {
        Ask::Command(CommandAsk {
            is_exec,
            name: text(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: Bytes::new(),
            used: WireUsed::default(),
        })
    };
    vec![
        Ask::Output(false, Bytes::from_static(b"x")),
        Ask::WallTime,
        Ask::MonotonicTime,
        Ask::Sleep(u64::MAX),
        Ask::Random(u32::MAX),
        Ask::Vfs(VfsAsk::Write(text(), Bytes::new())),
        Ask::Kv(KvAsk::Put(text(), Bytes::new())),
        Ask::Secrets(SecretsAsk::Sign(text(), Bytes::new())),
        Ask::Queue(QueueAsk::Poll(text())),
        Ask::Net(request.into()),
        Ask::Browse("https://a.example/".to_owned()),
        Ask::Llm(LlmAsk::Open((&wb_dock::cap::Prompt::default()).into())),
        Ask::Llm(LlmAsk::Next(0)),
        Ask::Stream(Transport::Tcp, StreamAsk::Connect(text(), 1)),
        Ask::Stream(Transport::Tls, StreamAsk::Receive(0, u32::MAX)),
        Ask::Udp(UdpAsk::Connect(text(), 1)),
        command(false),
        command(true),
        Ask::Parallel {
            name: text(),
            inputs: vec![Bytes::new()],
            used: WireUsed::default(),
        },
    ]
}

#[test]
fn what_was_not_granted_is_refused_whoever_asks() {
    let asks = everything();
    let count = asks.len();
    let mut says: Vec<_> = asks.into_iter().map(FromWorker::Ask).collect();
    says.push(done(Report::default()));
    let heard = NamedTempFile::new().unwrap();
    let pool = fake(
        &ready(says),
        &format!("exec cat > {}", heard.path().display()),
    );
    let keys = Arc::new(Counted::default());
    let services = Services::default().kv(keys.clone());
    let guest = Invocation::new("guest");
    pool.run(&module(), &Grant::none(), &services, guest)
        .unwrap();
    // The worker may be behind with writing down what it was answered.
    let answers = (0..1000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        let mut from = BufReader::new(std::fs::File::open(heard.path()).unwrap());
        let mut next = || read_frame::<ToWorker>(&mut from, 1 << 20, &mut Vec::new()).ok();
        let (_load, _run) = (next()?, next()?);
        let answers: Vec<_> = std::iter::from_fn(next).collect();
        (answers.len() == count).then_some(answers)
    });
    for (answer, ask) in answers
        .expect("every question is answered")
        .into_iter()
        .zip(everything())
    {
        let ToWorker::Answer(Err(Refused::Failed(failed))) = answer else {
            panic!("{ask:?} was answered: {answer:?}")
        };
        let failure = Failure::from(failed);
        assert_eq!(failure.kind, FailureKind::Refused, "{ask:?}: {failure}");
    }
    assert_eq!(keys.reached(), 0);
}

#[test]
fn a_worker_that_cannot_use_the_code_gets_the_wasm() {
    let says = [
        hello(wire::VERSION, true),
        FromWorker::WantsWasm,
        FromWorker::Loaded(Ok(())),
        done(Report::default()),
    ];
    let heard = NamedTempFile::new().unwrap();
    let mut pool = fake(
        &frames(&says),
        &format!("exec cat > {}", heard.path().display()),
    );
    pool.compile_on(Engine::new().unwrap());
    let nothing = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
    let module = Module::new(wat::parse_str(nothing).unwrap());
    let guest = Invocation::new("guest");
    pool.run(&module, &Grant::none(), &Services::default(), guest)
        .unwrap();
    // The worker may be behind with writing down what it was told.
    let texts = (0..1000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        let mut from = BufReader::new(std::fs::File::open(heard.path()).unwrap());
        let mut load = || match read_frame(&mut from, 1 << 20, &mut Vec::new()).ok()? {
            ToWorker::Load(load) => {
                if let Text::Code(count) = load.text {
                    let count = io::copy(&mut (&mut from).take(count), &mut io::sink());
                    count.ok()?;
                }
                Some(load.text)
            }
            _ => None,
        };
        Some((load()?, load()?))
    });
    let (first, second) = texts.expect("it is told twice");
    assert!(matches!(first, Text::Code(1..)), "{first:?}");
    assert!(matches!(&second, Text::Wasm(wasm) if wasm == module.wasm()));
}

fn granted(change: impl FnOnce(&mut Limits)) -> Grant {
    let grant = Grant::decide(
        CapSet::of(Cap::Kv),
        Trust::FirstParty,
        &Profile::minimal(),
        None,
    );
    let grant = grant.unwrap();
    let mut limits = grant.limits();
    change(&mut limits);
    grant.narrow_limits(limits)
}

/// So many questions for a key, and an end as if nothing had been.
fn gets(count: usize) -> Vec<u8> {
    let get = |_| FromWorker::Ask(Ask::Kv(KvAsk::Get("key".to_owned())));
    let mut says: Vec<_> = (0..count).map(get).collect();
    says.push(done(Report::default()));
    ready(says)
}

#[test]
fn scopes_hold_whoever_asks() {
    let keys = Arc::new(Counted::default());
    let services = Services::default().kv(keys.clone());
    let scopes: Scopes = serde_json::from_str(r#"{"kv":["other-*"]}"#).unwrap();
    let grant = granted(|_| {}).narrow_scopes(&scopes);
    let pool = fake(&gets(5), LISTENS);
    pool.run(&module(), &grant, &services, Invocation::new("guest"))
        .unwrap();
    assert_eq!(keys.reached(), 0);
}

#[test]
fn a_budget_is_spent_once_whatever_is_reported() {
    let keys = Arc::new(Counted::default());
    let services = Services::default().kv(keys.clone());
    let grant = granted(|limits| limits.host_calls = 3);
    let pool = fake(&gets(10), LISTENS);
    let error = pool.run(&module(), &grant, &services, Invocation::new("guest"));
    assert_eq!(error.unwrap_err().code(), "policy/host-call-limit");
    assert_eq!(keys.reached(), 3);
    assert!(pool.idle_processes().is_empty(), "it is not used again");
}

#[test]
fn output_that_is_passed_on_is_counted_by_the_host() {
    let say = || FromWorker::Ask(Ask::Output(false, Bytes::from_static(b"12345678")));
    let pool = fake(
        &ready(vec![say(), say(), say(), done(Report::default())]),
        LISTENS,
    );
    let grant = granted(|limits| limits.output = 10);
    let guest = Invocation::new("guest").stdout(Output::stream(Vec::new()));
    let error = pool.run(&module(), &grant, &Services::default(), guest);
    assert_eq!(error.unwrap_err().code(), "policy/output-limit");
}
