//! Directories, names and links.

use super::*;

#[test]
fn no_path_leads_out() {
    let mut desk = Desk::new();
    for path in [
        "..",
        "../a.txt",
        "dir/../..",
        "dir/../../a.txt",
        "/a.txt",
        "/",
    ] {
        assert_eq!(desk.content(path), Err(Errno::Perm), "{path}");
    }
    // An open directory is a root of its own.
    let dir = desk.open("dir", DIRECTORY).unwrap();
    assert!(desk.open_at(dir, "b.txt", 0, read_only(), 0).is_ok());
    assert_eq!(
        desk.open_at(dir, "../a.txt", 0, read_only(), 0),
        Err(Errno::Perm)
    );
    assert_eq!(desk.content("a\0.txt"), Err(Errno::Inval));
    assert_eq!(desk.content(&"x".repeat(256)), Err(Errno::Nametoolong));
    assert_eq!(desk.content(&"x/".repeat(3000)), Err(Errno::Nametoolong));
    desk.memory[PATH as usize] = 0xff;
    let bad = desk.call(|w, m| w.path_unlink_file(m, ROOT, PATH, 1));
    assert_eq!(bad, Err(Errno::Ilseq));
}

#[test]
fn directories_come_and_go() {
    let mut desk = Desk::new();
    desk.mkdir("d").unwrap();
    desk.mkdir("d/e/").unwrap();
    assert_eq!(desk.stat("d/e").unwrap().0, 3);
    assert_eq!(desk.mkdir("d"), Err(Errno::Exist));
    assert_eq!(desk.mkdir("."), Err(Errno::Exist));
    assert_eq!(desk.rmdir("d"), Err(Errno::Notempty));
    assert_eq!(desk.rmdir("a.txt"), Err(Errno::Notdir));
    assert_eq!(desk.unlink("d/e"), Err(Errno::Isdir));
    assert_eq!(desk.unlink("a.txt/"), Err(Errno::Notdir));
    desk.rmdir("d/e").unwrap();
    desk.rmdir("d").unwrap();
    assert_eq!(desk.rmdir("d"), Err(Errno::Noent));
    assert_eq!(desk.rmdir("."), Err(Errno::Inval));
}

#[test]
fn listings_are_whole_at_any_buffer_size() {
    let mut desk = Desk::new();
    assert_eq!(desk.list(".", 4096), ["a.txt", "dir", "usr"]);
    assert_eq!(desk.list("usr", 4096), ["latest", "lib"]);
    desk.mkdir("many").unwrap();
    let names: Vec<String> = (0..100)
        .map(|i| format!("{:x<1$}", i, i % 40 + 1))
        .collect();
    for name in &names {
        let fd = desk.open(&format!("many/{name}"), CREATE).unwrap();
        desk.close(fd).unwrap();
    }
    for size in [70, 100, 333, 65_536] {
        assert_eq!(desk.list("many", size), names, "{size}");
    }
}

#[test]
fn deleting_while_listing_misses_nothing() {
    let mut desk = Desk::new();
    desk.mkdir("many").unwrap();
    for i in 0..200 {
        let fd = desk.open(&format!("many/{i}"), CREATE).unwrap();
        desk.close(fd).unwrap();
    }
    let fd = desk.open("many", DIRECTORY).unwrap();
    let seen = desk.list_fd(fd, 150, |desk, name| {
        desk.unlink(&format!("many/{name}")).unwrap();
    });
    assert_eq!(seen.len(), 200);
    desk.rmdir("many").unwrap();
}

#[test]
fn renaming_moves_and_replaces() {
    let mut desk = Desk::new();
    let ino = desk.ino("dir");
    desk.rename("dir", "moved").unwrap();
    assert_eq!(desk.ino("moved"), ino);
    assert_eq!(desk.content("moved/sub/c.txt").unwrap(), "gamma");
    desk.rename("a.txt", "moved/b.txt").unwrap();
    assert_eq!(desk.content("moved/b.txt").unwrap(), "alpha");
    desk.rename("moved/b.txt", "moved/b.txt").unwrap();
    assert_eq!(desk.rename("moved", "moved/sub/x"), Err(Errno::Inval));
    assert_eq!(desk.rename("moved/b.txt", "moved/sub"), Err(Errno::Isdir));
    assert_eq!(desk.rename("moved/sub", "moved/b.txt"), Err(Errno::Notdir));
    desk.mkdir("full").unwrap();
    desk.mkdir("full/x").unwrap();
    assert_eq!(desk.rename("moved/sub", "full"), Err(Errno::Notempty));
    desk.rmdir("full/x").unwrap();
    desk.rename("moved/sub", "full").unwrap();
    assert_eq!(desk.content("full/c.txt").unwrap(), "gamma");
    // The parent moved along with it.
    assert_eq!(desk.content("full/../full/c.txt").unwrap(), "gamma");
    assert_eq!(desk.rename("nothing", "x"), Err(Errno::Noent));
    assert_eq!(desk.rename(".", "x"), Err(Errno::Busy));
}

#[test]
fn hard_links_are_one_file() {
    let mut desk = Desk::new();
    desk.link("a.txt", "b").unwrap();
    assert_eq!(desk.stat("b").unwrap(), (4, 2, 5));
    let fd = desk.open("b", 0).unwrap();
    desk.write(fd, "A").unwrap();
    assert_eq!(desk.content("a.txt").unwrap(), "Alpha");
    desk.unlink("a.txt").unwrap();
    assert_eq!(desk.stat("b").unwrap(), (4, 1, 5));
    assert_eq!(desk.link("dir", "d2"), Err(Errno::Perm));
    assert_eq!(desk.link("b", "dir"), Err(Errno::Exist));
}

#[test]
fn symbolic_links_stay_inside() {
    let mut desk = Desk::new();
    desk.symlink("dir/b.txt", "l").unwrap();
    assert_eq!(desk.content("l").unwrap(), "beta");
    assert_eq!(desk.readlink("l").unwrap(), "dir/b.txt");
    assert_eq!(desk.stat_with("l", 0).unwrap(), (7, 1, 9));
    assert_eq!(desk.content("usr/latest").unwrap(), "archive");
    assert_eq!(desk.readlink("a.txt"), Err(Errno::Inval));
    desk.symlink("../..", "dir/up").unwrap();
    assert_eq!(desk.content("dir/up/a.txt"), Err(Errno::Perm));
    assert_eq!(desk.symlink("/a.txt", "abs"), Err(Errno::Perm));
    desk.symlink("loop2", "loop").unwrap();
    desk.symlink("loop", "loop2").unwrap();
    assert_eq!(desk.content("loop"), Err(Errno::Loop));
    // A link to what is not there yet brings it into being.
    desk.symlink("born", "wish").unwrap();
    assert_eq!(desk.content("wish"), Err(Errno::Noent));
    desk.open("wish", CREATE).unwrap();
    assert_eq!(desk.stat("born").unwrap().0, 4);
    desk.symlink("unborn", "wish2").unwrap();
    assert_eq!(desk.open("wish2", CREATE | EXCLUSIVE), Err(Errno::Exist));
    desk.unlink("l").unwrap();
    assert_eq!(desk.content("dir/b.txt").unwrap(), "beta");
}
