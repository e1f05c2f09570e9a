//! Kernels: what they compute, and what hostile ones get away with.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use wb_dock::{Engine, Error, ErrorKind, Grant, Kernel, Services};
use wb_policy::{Cap, Limits, Resource};

use crate::support::{engines, granting, limited, program, wall};

pub(crate) fn kernel(engine: &Engine, name: &str, grant: &Grant) -> Kernel {
    program(engine, name)
        .admit_kernel("process", grant, &Services::default())
        .unwrap()
}

fn hostile(grant: &Grant) -> Kernel {
    kernel(&Engine::new().unwrap(), "kernel-hostile", grant)
}

fn refusal(name: &str, entry: &str) -> Error {
    program(&Engine::new().unwrap(), name)
        .admit_kernel(entry, &Grant::none(), &Services::default())
        .unwrap_err()
}

#[test]
fn one_instance_takes_frame_after_frame() {
    for (what, engine) in engines() {
        let adds_one = kernel(&engine.build().unwrap(), "kernel-adds-one", &Grant::none());
        let mut adds_one = adds_one.open("adds one").unwrap();
        for round in 0..1000_u32 {
            let frame: Vec<u8> = (0..round).map(|byte| byte as u8).collect();
            let wanted: Vec<u8> = frame.iter().map(|byte| byte.wrapping_add(1)).collect();
            assert_eq!(adds_one.call(&frame).unwrap(), wanted, "{what}");
        }
        adds_one.input(3).unwrap().copy_from_slice(b"abc");
        assert_eq!(adds_one.run(3).unwrap(), b"bcd");
    }
}

#[test]
fn a_frame_has_to_fit_the_buffer_that_the_kernel_names() {
    let engine = Engine::new().unwrap();
    let mut adds_one = kernel(&engine, "kernel-adds-one", &Grant::none())
        .open("adds one")
        .unwrap();
    assert!(adds_one.call(&vec![1; 65536]).is_ok());
    let error = adds_one.call(&vec![1; 65537]).unwrap_err();
    assert_eq!(error.code(), "dock/bad-frame");
    let wanted = "kernel `adds one`: a frame of 65537 bytes does not fit its input";
    assert_eq!(error.to_string(), wanted);
    assert_eq!(adds_one.call(&[1]).unwrap(), [2]);
    let error = kernel(&engine, "kernel-buffer-outside", &Grant::none())
        .open("outside")
        .unwrap_err();
    assert_eq!(error.code(), "dock/bad-frame");
}

#[test]
fn what_is_no_kernel_is_refused_with_what_is_missing() {
    let error = refusal("kernel-adds-one", "blur");
    assert_eq!(error.code(), "dock/not-a-kernel");
    assert_eq!(
        error.to_string(),
        "not a kernel: it exports no function `blur`"
    );
    assert_eq!(
        refusal("kernel-adds-one", "in_ptr").to_string(),
        "not a kernel: its export `in_ptr` is no function (i32) -> i32"
    );
    assert_eq!(
        refusal("no-memory", "process").to_string(),
        "not a kernel: it exports no `memory`"
    );
    assert_eq!(refusal("needs-kv", "process").code(), "dock/not-granted");
    assert_eq!(
        refusal("frames-adds-one", "process").code(),
        "dock/not-granted"
    );
}

#[test]
fn an_error_of_the_kernel_leaves_it_usable() {
    let mut hostile = hostile(&Grant::none()).open("h").unwrap();
    assert_eq!(hostile.call(b"-").unwrap(), [1]);
    let error = hostile.call(b"f").unwrap_err();
    assert_eq!(error.to_string(), "kernel `h` failed with -7");
    let error = hostile.call(b"l").unwrap_err();
    let wanted = "kernel `h`: a result of 65537 bytes does not fit its output";
    assert_eq!(error.to_string(), wanted);
    assert!(!hostile.is_poisoned());
    assert_eq!(hostile.call(b"-").unwrap(), [4]);
}

#[test]
fn a_crash_ends_the_instance_and_not_the_kernel() {
    for (frame, message) in [(b"t", "unreachable"), (b"r", "call stack exhausted")] {
        let kernel = hostile(&Grant::none());
        let mut hostile = kernel.open("h").unwrap();
        let error = hostile.call(frame).unwrap_err();
        assert_eq!(error.code(), "dock/trap");
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(hostile.call(b"-").unwrap_err().code(), "dock/instance-over");
        assert_eq!(kernel.open("h").unwrap().call(b"-").unwrap(), [1]);
    }
}

#[test]
fn every_call_has_the_whole_time_and_no_more() {
    let limit = Duration::from_millis(60);
    let kernel = hostile(&wall(limit));
    let mut hostile = kernel.open("h").unwrap();
    let until = Instant::now() + 3 * limit;
    while Instant::now() < until {
        hostile.call(b"-").unwrap();
    }
    // Idle time is nobody's.
    std::thread::sleep(2 * limit);
    hostile.call(b"-").unwrap();
    let started = Instant::now();
    let error = hostile.call(b"s").unwrap_err();
    assert!(started.elapsed() >= limit && started.elapsed() < 20 * limit);
    let ErrorKind::Limit(exceeded) = error.kind() else {
        panic!("{error}")
    };
    assert_eq!(exceeded.resource, Resource::Wall);
    assert!(hostile.is_poisoned());
}

#[test]
fn time_in_host_calls_counts_as_well() {
    let limit = Duration::from_millis(60);
    let sleeps = kernel(&Engine::new().unwrap(), "kernel-sleeps", &wall(limit));
    let mut sleeps = sleeps.open("sleeps").unwrap();
    std::thread::sleep(2 * limit);
    let started = Instant::now();
    let ended = sleeps.call(b"").map(<[u8]>::len);
    assert!(started.elapsed() < 20 * limit, "{ended:?}");
}

#[test]
fn memory_is_limited_as_for_any_guest() {
    let limit = 4 * Limits::MIB;
    let kernel = hostile(&limited(|limits| limits.memory = limit));
    let mut hostile = kernel.open("h").unwrap();
    let error = hostile.call(b"g").unwrap_err();
    assert_eq!(error.code(), "policy/memory-limit");
    assert!(hostile.usage().memory_peak <= limit);
}

#[test]
fn fuel_lasts_for_the_life_of_an_instance() {
    let engine = Engine::builder().fuel(true).build().unwrap();
    let grant = limited(|limits| limits.fuel = Some(10_000));
    let mut adds_one = kernel(&engine, "kernel-adds-one", &grant)
        .open("adds one")
        .unwrap();
    let error = (0..1000).find_map(|_| adds_one.call(b"some frame").err());
    assert_eq!(error.unwrap().code(), "policy/fuel-limit");
    assert!(adds_one.usage().fuel > 9_000);
}

#[test]
fn results_of_a_fan_out_are_in_order_and_fail_alone() {
    let hostile = hostile(&wall(Duration::from_millis(60)));
    let frames = [b"-", b"t", b"-", b"f", b"s", b"l", b"-", b"r", b"-", b"-"];
    for width in [1, 2, 7, 100] {
        let width = NonZeroUsize::new(width).unwrap();
        let codes: Vec<_> = hostile
            .map("h", &frames, width, <[u8]>::len)
            .into_iter()
            .map(|result| result.map_or_else(|error| error.code(), |_| "ok"))
            .collect();
        let wanted = [
            "ok",
            "dock/trap",
            "ok",
            "dock/kernel-failed",
            "policy/time-limit",
            "dock/bad-frame",
            "ok",
            "dock/trap",
            "ok",
            "ok",
        ];
        assert_eq!(codes, wanted);
    }
    assert!(
        hostile
            .map("h", &[b""; 0], NonZeroUsize::MIN, <[u8]>::len)
            .is_empty()
    );
}

#[test]
fn results_of_many_frames_are_those_of_one_by_one() {
    let engine = Engine::new().unwrap();
    let adds_one = kernel(&engine, "kernel-adds-one", &Grant::none());
    let frames: Vec<[u8; 2]> = (0..500_u16).map(u16::to_le_bytes).collect();
    let width = NonZeroUsize::new(3).unwrap();
    let results = adds_one.map("adds one", &frames, width, <[u8]>::to_vec);
    for (frame, result) in frames.iter().zip(results) {
        let wanted = frame.map(|byte| byte.wrapping_add(1));
        assert_eq!(result.unwrap(), wanted);
    }
}

#[test]
fn a_command_with_frames_is_told_that_there_are_none() {
    let grant = granting(&[Cap::Frames]);
    let error = program(&Engine::new().unwrap(), "frames-adds-one")
        .admit(&grant, &Services::default())
        .unwrap_err();
    assert_eq!(error.code(), "dock/not-provided");
}
