//! Descriptors: their numbers, their rights, the streams.

use super::*;

#[test]
fn the_root_is_the_one_preopen() {
    let mut desk = Desk::new();
    desk.call(|w, m| w.fd_prestat_get(m, ROOT, OUT)).unwrap();
    assert_eq!((desk.u32_at(OUT), desk.u32_at(OUT + 4)), (0, 1));
    desk.call(|w, m| w.fd_prestat_dir_name(m, ROOT, BUFFER, 1))
        .unwrap();
    assert_eq!(desk.memory[BUFFER as usize], b'/');
    assert_eq!(
        desk.call(|w, m| w.fd_prestat_dir_name(m, ROOT, BUFFER, 0)),
        Err(Errno::Nametoolong)
    );
    for fd in [0, 1, 2, 4, 99] {
        assert_eq!(
            desk.call(|w, m| w.fd_prestat_get(m, fd, OUT)),
            Err(Errno::Badf)
        );
    }
    let mut bare = Desk::with(Vec::new());
    assert_eq!(
        bare.call(|w, m| w.fd_prestat_get(m, ROOT, OUT)),
        Err(Errno::Badf)
    );
}

#[test]
fn rights_only_shrink() {
    let mut desk = Desk::new();
    let fd = desk.open("a.txt", 0).unwrap();
    let only_read = Rights::FD_READ.0;
    desk.call(|w, m| w.fd_fdstat_set_rights(m, fd, only_read, 0))
        .unwrap();
    assert_eq!(
        desk.call(|w, m| w.fd_fdstat_set_rights(m, fd, Rights::FD_WRITE.0, 0)),
        Err(Errno::Notcapable)
    );
    assert_eq!(desk.read(fd, 2).unwrap(), "al");
    assert_eq!(desk.write(fd, "x"), Err(Errno::Badf));
    assert_eq!(desk.seek(fd, 1, 0), Err(Errno::Notcapable));
    assert_eq!(
        desk.call(|w, m| w.fd_tell(m, fd, OUT)),
        Err(Errno::Notcapable)
    );
    // What a directory may not do, nothing opened through it may.
    let dir = desk.open("dir", DIRECTORY).unwrap();
    desk.call(|w, m| w.fd_fdstat_set_rights(m, dir, Rights::PATH_OPEN.0, only_read))
        .unwrap();
    let below = desk.open_at(dir, "b.txt", 0, read_write(), 0).unwrap();
    assert_eq!(desk.write(below, "x"), Err(Errno::Badf));
    assert_eq!(
        desk.open_at(dir, "n", CREATE, read_write(), 0),
        Err(Errno::Notcapable)
    );
}

#[test]
fn descriptors_are_numbered_from_the_lowest() {
    let mut desk = Desk::new();
    let [a, b, c] = [(); 3].map(|()| desk.open("a.txt", 0).unwrap());
    assert_eq!([a, b, c], [4, 5, 6]);
    desk.close(b).unwrap();
    assert_eq!(desk.open("a.txt", 0).unwrap(), b);
    desk.call(|w, m| w.fd_renumber(m, c, a)).unwrap();
    assert_eq!(desk.close(c), Err(Errno::Badf));
    assert_eq!(desk.call(|w, m| w.fd_renumber(m, a, 99)), Err(Errno::Badf));
    let opened = std::iter::repeat_with(|| desk.open("a.txt", 0))
        .take(2000)
        .take_while(Result::is_ok)
        .count();
    assert!((1000..1024).contains(&opened), "{opened}");
    assert_eq!(desk.open("a.txt", 0), Err(Errno::Mfile));
}

#[test]
fn streams_are_no_terminals() {
    let mut desk = Desk::new();
    for fd in 0..3 {
        desk.call(|w, m| w.fd_fdstat_get(m, fd, OUT)).unwrap();
        assert_eq!(desk.memory[OUT as usize], 0, "not a character device");
        desk.call(|w, m| w.fd_filestat_get(m, fd, BUFFER)).unwrap();
    }
    assert_eq!(desk.write(0, "x"), Err(Errno::Badf));
    assert_eq!(desk.read(1, 1), Err(Errno::Badf));
    assert_eq!(desk.read(ROOT, 1), Err(Errno::Isdir));
    desk.write(1, "out").unwrap();
    desk.write(2, "err").unwrap();
    desk.wasi.stdin = "in".into();
    assert_eq!(desk.read(0, 100).unwrap(), "in");
    assert_eq!(desk.read(0, 100).unwrap(), "");
}

#[test]
fn vectors_are_bounded() {
    let mut desk = Desk::new();
    let fd = desk.open("a.txt", 0).unwrap();
    let many = desk.call(|w, m| w.fd_read(m, fd, BUFFER, 1025, OUT));
    assert_eq!(many, Err(Errno::Inval));
    let outside = desk.call(|w, m| w.fd_read(m, fd, 0x2fffc, 1, OUT));
    assert_eq!(outside, Err(Errno::Fault));
    desk.vector(u32::MAX);
    let overlong = desk.call(|w, m| w.fd_write(m, fd, VECTOR, 1, OUT));
    assert_eq!(overlong, Err(Errno::Fault));
}
