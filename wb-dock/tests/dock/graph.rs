//! Graphs of kernels, with frames that are copied and frames that are shared.

use std::num::NonZeroUsize;

use wb_dock::{Engine, Error, Grant, Graph, Kernel};
use wb_policy::{Cap, Limits};

use crate::kernel::kernel;
use crate::support::granting;

fn copying(engine: &Engine) -> Kernel {
    kernel(engine, "kernel-adds-one", &Grant::none())
}

#[cfg(target_os = "linux")]
fn sharing(engine: &Engine, name: &str) -> Kernel {
    kernel(engine, name, &granting(&[Cap::Frames]))
}

fn refused(graph: Result<Graph, Error>) -> String {
    let error = graph.unwrap_err();
    assert_eq!(error.code(), "dock/bad-graph");
    let message = error.to_string();
    message
        .strip_prefix("not a graph that can be run: ")
        .unwrap()
        .to_owned()
}

#[test]
fn frames_pass_through_a_chain() {
    let copies = copying(&Engine::new().unwrap());
    let graph = Graph::builder()
        .edge("two", "three")
        .edge("one", "two")
        .kernel("three", &copies)
        .kernel("two", &copies)
        .kernel("one", &copies)
        .build()
        .unwrap();
    let mut graph = graph.open().unwrap();
    for byte in 0..100 {
        assert_eq!(graph.run(&[byte]).unwrap(), [byte + 3]);
    }
}

#[test]
fn a_result_goes_to_every_kernel_behind() {
    let copies = copying(&Engine::new().unwrap());
    let graph = Graph::builder()
        .kernel("root", &copies)
        .kernel("left", &copies)
        .kernel("right", &copies)
        .kernel("rightmost", &copies)
        .edge("root", "left")
        .edge("root", "right")
        .edge("right", "rightmost")
        .build()
        .unwrap();
    let mut graph = graph.open().unwrap();
    let mut ends = Vec::new();
    let each = |name: &str, frame: &[u8]| ends.push((name.to_owned(), frame.to_vec()));
    graph.run_each(&[10], each).unwrap();
    ends.sort();
    let wanted = [("left", [12]), ("rightmost", [13])];
    assert_eq!(
        ends,
        wanted.map(|(name, frame)| (name.to_owned(), frame.to_vec()))
    );
    assert_eq!(graph.run(&[1]).unwrap_err().code(), "dock/bad-graph");
}

#[test]
fn what_is_no_tree_is_refused_with_the_reason() {
    let k = &copying(&Engine::new().unwrap());
    let three = || {
        Graph::builder()
            .kernel("a", k)
            .kernel("b", k)
            .kernel("c", k)
    };
    let cases = [
        (Graph::builder().build(), "it has no kernel"),
        (three().kernel("b", k).build(), "two kernels are called `b`"),
        (
            three().edge("a", "d").build(),
            "an edge names `d`, which is no kernel of it",
        ),
        (
            three().edge("a", "b").build(),
            "both `a` and `c` have no input, a graph begins with one kernel",
        ),
        (
            three().edge("a", "c").edge("b", "c").build(),
            "`c` has two inputs, a kernel has one",
        ),
        (
            three().edge("b", "c").edge("c", "b").build(),
            "`b` is in a cycle or behind one",
        ),
        (
            Graph::builder().kernel("a", k).edge("a", "a").build(),
            "`a` is in a cycle or behind one",
        ),
    ];
    for (graph, reason) in cases {
        assert_eq!(refused(graph), reason);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn shared_frames_and_copied_ones_mix() {
    let engine = Engine::builder().pooling(4).build().unwrap();
    let (shares, copies) = (sharing(&engine, "frames-adds-one"), copying(&engine));
    let graph = Graph::builder()
        .arena(1 << 16)
        .kernel("one", &shares)
        .kernel("two", &shares)
        .kernel("three", &copies)
        .kernel("four", &shares)
        .edge("one", "two")
        .edge("two", "three")
        .edge("three", "four")
        .build()
        .unwrap();
    let frames: Vec<Vec<u8>> = (0..200).map(|n| vec![n as u8; n * 80]).collect();
    let wanted = |frame: &Vec<u8>| {
        let mut wanted = vec![b'.', b'.' + 2, b'.' + 3];
        wanted.extend(frame.iter().map(|byte| byte.wrapping_add(4)));
        wanted
    };
    let mut instance = graph.open().unwrap();
    for frame in &frames {
        assert_eq!(instance.run(frame).unwrap(), wanted(frame));
    }
    let width = NonZeroUsize::new(3).unwrap();
    let results = graph.map(&frames, width, <[u8]>::to_vec);
    for (frame, result) in frames.iter().zip(results) {
        assert_eq!(result.unwrap(), wanted(frame));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_kernel_with_frames_needs_no_graph() {
    let engine = Engine::new().unwrap();
    let mut alone = sharing(&engine, "frames-adds-one").open("alone").unwrap();
    for _ in 0..100 {
        assert_eq!(alone.call(&vec![7; 300_000]).unwrap()[..3], [b'.', 8, 8]);
    }
    // The frame stays in its place, and the room of a result is used again.
    for _ in 0..100 {
        assert_eq!(alone.run(300_000).unwrap()[..3], [b'.', 8, 8]);
    }
    assert_eq!(
        alone.call(&vec![0; 17 << 20]).unwrap_err().code(),
        "dock/bad-frame"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn forged_pointers_reach_the_arena_and_no_other_memory() {
    let engine = Engine::new().unwrap();
    let graph = Graph::builder()
        .kernel("honest", &sharing(&engine, "frames-adds-one"))
        .kernel("forges", &sharing(&engine, "frames-forges"))
        .edge("honest", "forges")
        .build()
        .unwrap();
    let other = Graph::builder()
        .kernel("honest", &sharing(&engine, "frames-adds-one"))
        .build()
        .unwrap();
    let (mut graph, mut other) = (graph.open().unwrap(), other.open().unwrap());
    let kept = other.run(&[1; 50]).unwrap().to_vec();
    for _ in 0..3 {
        // What the honest kernel keeps in its own memory is still there: the length
        // and, in the graph that shares nothing, the bytes.
        assert_eq!(graph.run(&[1; 50]).unwrap(), [0xff; 51]);
        assert_eq!(other.run(&[1; 50]).unwrap(), kept);
    }
    let mut ends = Vec::new();
    let both = Graph::builder()
        .kernel("first", &sharing(&engine, "frames-adds-one"))
        .kernel("forges", &sharing(&engine, "frames-forges"))
        .kernel("last", &sharing(&engine, "frames-adds-one"))
        .edge("first", "forges")
        .edge("forges", "last")
        .build()
        .unwrap();
    let mut both = both.open().unwrap();
    for _ in 0..2 {
        both.run_each(&[1; 3], |_, frame| ends.push(frame.to_vec()))
            .unwrap();
    }
    // The first byte comes from the private memory of `last`.
    assert_eq!(ends, [[b'.', 0, 0, 0, 0], [b'.', 0, 0, 0, 0]]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_frame_longer_than_its_room_is_refused() {
    let engine = Engine::new().unwrap();
    let mut kernel = sharing(&engine, "frames-too-long").open("liar").unwrap();
    let error = kernel.call(b"abc").unwrap_err();
    assert_eq!(
        error.to_string(),
        "kernel `liar`: a result of 4 bytes does not fit its output"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn an_arena_is_charged_once_and_full_at_its_end() {
    let engine = Engine::new().unwrap();
    let grant = granting(&[Cap::Frames]);
    let limits = Limits {
        memory: Limits::MIB,
        ..grant.limits()
    };
    let kernel = kernel(&engine, "frames-adds-one", &grant.narrow_limits(limits));
    let chain = |arena| {
        let graph = Graph::builder().arena(arena);
        let graph = graph.kernel("a", &kernel).kernel("b", &kernel);
        graph.edge("a", "b").build().unwrap()
    };
    let error = chain(1 << 20).open().unwrap_err();
    assert_eq!(error.code(), "policy/memory-limit");
    let mut graph = chain(900 << 10).open().unwrap();
    assert!(graph.run(&vec![0; 300 << 10]).is_ok());
    let error = graph.run(&vec![0; 500 << 10]).unwrap_err();
    assert_eq!(error.to_string(), "kernel `a` failed with -6");
    assert!(graph.run(&vec![0; 300 << 10]).is_ok());
}
