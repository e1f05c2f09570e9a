//! What is mounted, and what is left of it after a run.

use super::*;

#[test]
fn a_read_only_mount_takes_nothing() {
    let mut desk = Desk::new();
    assert_eq!(desk.open("usr/lib/x.a", 0), Err(Errno::Rofs));
    assert_eq!(desk.open("usr/new", CREATE), Err(Errno::Rofs));
    assert_eq!(desk.unlink("usr/lib/x.a"), Err(Errno::Rofs));
    assert_eq!(desk.mkdir("usr/d"), Err(Errno::Rofs));
    assert_eq!(desk.rename("usr/lib", "lib"), Err(Errno::Rofs));
    assert_eq!(desk.rename("a.txt", "usr/a"), Err(Errno::Rofs));
    assert_eq!(desk.link("usr/lib/x.a", "x"), Err(Errno::Rofs));
    assert_eq!(desk.rmdir("usr"), Err(Errno::Busy));
    assert_eq!(desk.rename("usr", "u"), Err(Errno::Busy));
    let fd = desk
        .open_at(ROOT, "usr/lib/x.a", 0, read_only(), 0)
        .unwrap();
    assert_eq!(desk.write(fd, "x"), Err(Errno::Badf));
    assert_eq!(
        desk.call(|w, m| w.fd_filestat_set_size(m, fd, 0)),
        Err(Errno::Inval)
    );
    assert_eq!(desk.content("usr/lib/x.a").unwrap(), "archive");
}

#[test]
fn an_image_is_not_changed_by_what_a_guest_writes() {
    let image = Image::from_files([("f", "one"), ("d/g", "two")]).unwrap();
    for _ in 0..2 {
        let mut desk = Desk::with(vec![Mount::writable("/", image.clone())]);
        assert_eq!(desk.content("f").unwrap(), "one");
        let fd = desk.open("f", 0).unwrap();
        desk.write(fd, "1").unwrap();
        desk.unlink("d/g").unwrap();
        assert_eq!(desk.content("f").unwrap(), "1ne");
        assert_eq!(desk.stat("d/g"), Err(Errno::Noent));
    }
}

#[test]
fn what_was_written_comes_back() {
    let mut desk = Desk::new();
    desk.mkdir("out").unwrap();
    let fd = desk.open("out/x", CREATE).unwrap();
    desk.write(fd, "made").unwrap();
    desk.rename("dir/b.txt", "out/b").unwrap();
    let mut files = desk.wasi.fs.into_files();
    assert_eq!(files.get("/out/x").unwrap(), "made");
    assert_eq!(files.get("usr/latest").unwrap(), "archive");
    assert_eq!(files.get("/nothing"), None);
    assert_eq!(files.get("/dir"), None);
    let changed: Vec<_> = files.changed().into_iter().map(|(path, _)| path).collect();
    assert_eq!(changed, ["/out/b", "/out/x"]);
    let all: Vec<_> = files.all().into_iter().map(|(path, _)| path).collect();
    assert_eq!(all, ["/a.txt", "/dir/sub/c.txt", "/out/b", "/out/x"]);
}

#[test]
fn mounts_that_collide_are_refused() {
    let image = || Image::from_files([("a", "x")]).unwrap();
    let budget = Budget::new("desk", Profile::compute().limits());
    for mounts in [
        vec![
            Mount::read_only("/", image()),
            Mount::writable("/", image()),
        ],
        vec![Mount::read_only("/x/..", image())],
        vec![
            Mount::writable("/", image()),
            Mount::writable("/a/b", image()),
        ],
    ] {
        let error = FileSystem::new(mounts, &budget).unwrap_err();
        assert_eq!(error.code(), "dock/bad-path");
    }
}
