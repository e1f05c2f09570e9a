//! The media kernels of `fixtures/media`, built by the C lane and run as a graph.
#![cfg(target_os = "linux")]

use std::num::NonZeroUsize;

use wb_dock::Graph;

use kernels::{kernel, picture};

pub(crate) mod kernels;

/// A chain of kernels with an arena for small pictures.
fn chain(names: &[&str]) -> Graph {
    let mut graph = Graph::builder().arena(1 << 20);
    for name in names {
        graph = graph.kernel(*name, &kernel(name));
    }
    for pair in names.windows(2) {
        graph = graph.edge(pair[0], pair[1]);
    }
    graph.build().expect("the four kernels make a graph")
}

#[test]
fn pictures_are_those_of_the_reference() {
    let blurred = chain(&["decode", "blur", "encode"]);
    let mut blurred = blurred.open().unwrap();
    assert!(blurred.run(&picture("in.ppm")).unwrap() == picture("blurred.ppm"));
    let whole = chain(&["decode", "blur", "resize", "encode"]);
    let mut instance = whole.open().unwrap();
    for _ in 0..20 {
        assert!(instance.run(&picture("in.ppm")).unwrap() == picture("out.ppm"));
    }
    let frames = vec![picture("in.ppm"); 20];
    let width = NonZeroUsize::new(2).unwrap();
    for made in whole.map(&frames, width, <[u8]>::to_vec) {
        assert!(made.unwrap() == picture("out.ppm"));
    }
}

#[test]
fn what_is_no_picture_is_the_error_of_the_kernel_that_finds_it() {
    let graph = chain(&["decode", "blur", "resize", "encode"]);
    let mut graph = graph.open().unwrap();
    let mut whole = picture("in.ppm");
    let cases: [(&[u8], i32); 4] = [
        (b"", -10),
        (b"P6\n1 1\n65535\n\0\0\0\0\0\0", -10),
        (b"P6 99999 1 255 ", -12),
        (&whole[..whole.len() - 1], -11),
    ];
    for (bytes, code) in cases {
        let error = graph.run(bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("kernel `decode` failed with {code}")
        );
    }
    whole.push(b'\n');
    assert!(graph.run(&whole).unwrap() == picture("out.ppm"));
}
