//! Files by their content: reading, writing, seeking, sizes and times.

use super::*;

#[test]
fn files_are_read_where_they_lie() {
    let mut desk = Desk::new();
    assert_eq!(desk.content("a.txt").unwrap(), "alpha");
    assert_eq!(desk.content("usr/lib/x.a").unwrap(), "archive");
    assert_eq!(desk.content("dir/./sub/../b.txt").unwrap(), "beta");
    assert_eq!(desk.content("dir//sub///c.txt").unwrap(), "gamma");
    assert_eq!(desk.content("nothing"), Err(Errno::Noent));
    assert_eq!(desk.content("a.txt/x"), Err(Errno::Notdir));
    assert_eq!(desk.content("a.txt/"), Err(Errno::Notdir));
    assert_eq!(desk.content(""), Err(Errno::Noent));
    assert_eq!(desk.content("dir"), Err(Errno::Isdir));
}

#[test]
fn reading_and_writing_move_one_position() {
    let mut desk = Desk::new();
    let fd = desk.open("a.txt", 0).unwrap();
    assert_eq!(desk.read(fd, 2).unwrap(), "al");
    assert_eq!(desk.write(fd, "PH").unwrap(), 2);
    assert_eq!(desk.seek(fd, 0, 1).unwrap(), 4);
    assert_eq!(desk.read(fd, 100).unwrap(), "a");
    assert_eq!(desk.read(fd, 100).unwrap(), "");
    assert_eq!(desk.pread(fd, 3, 1).unwrap(), "lPH");
    assert_eq!(desk.pwrite(fd, "!", 4).unwrap(), 1);
    desk.call(|w, m| w.fd_tell(m, fd, OUT)).unwrap();
    assert_eq!(desk.u64_at(OUT), 5);
    assert_eq!(desk.content("a.txt").unwrap(), "alPH!");
}

#[test]
fn seeking_knows_its_bounds() {
    let mut desk = Desk::new();
    let fd = desk.open("a.txt", 0).unwrap();
    assert_eq!(desk.seek(fd, -1, 2).unwrap(), 4);
    assert_eq!(desk.seek(fd, 10, 1).unwrap(), 14);
    assert_eq!(desk.seek(fd, -15, 1), Err(Errno::Inval));
    assert_eq!(desk.seek(fd, 0, 3), Err(Errno::Inval));
    assert_eq!(desk.seek(fd, i64::MAX, 0).unwrap(), i64::MAX as u64);
    assert_eq!(desk.seek(fd, 1, 1), Err(Errno::Inval));
    for stream in 0..3 {
        assert_eq!(desk.seek(stream, 0, 1), Err(Errno::Spipe));
    }
    assert_eq!(desk.seek(ROOT, 0, 1), Err(Errno::Badf));
}

#[test]
fn a_write_past_the_end_leaves_zeros() {
    let mut desk = Desk::new();
    let fd = desk.open("gap", CREATE).unwrap();
    desk.pwrite(fd, "x", 3).unwrap();
    assert_eq!(desk.content("gap").unwrap(), "\0\0\0x");
    assert_eq!(desk.pwrite(fd, "x", u64::MAX), Err(Errno::Fbig));
    assert_eq!(desk.pwrite(fd, "x", i64::MAX as u64), Err(Errno::Fbig));
}

#[test]
fn a_file_beyond_the_memory_limit_stops_the_guest() {
    let mut desk = Desk::new();
    let fd = desk.open("huge", CREATE).unwrap();
    let mut memory = GuestMemory(&mut desk.memory);
    let answer = desk.wasi.fd_filestat_set_size(&mut memory, fd, 1 << 40);
    assert!(
        matches!(answer, Err(Fail::Stop(Stop::Limit(_)))),
        "{answer:?}"
    );
}

#[test]
fn appending_writes_at_the_end_wherever_one_is() {
    let mut desk = Desk::new();
    let fd = desk
        .open_at(ROOT, "a.txt", 0, read_write(), APPEND)
        .unwrap();
    desk.write(fd, "1").unwrap();
    desk.seek(fd, 0, 0).unwrap();
    desk.write(fd, "2").unwrap();
    assert_eq!(desk.content("a.txt").unwrap(), "alpha12");
    desk.call(|w, m| w.fd_fdstat_set_flags(m, fd, 0)).unwrap();
    desk.seek(fd, 0, 0).unwrap();
    desk.write(fd, "A").unwrap();
    assert_eq!(desk.content("a.txt").unwrap(), "Alpha12");
    assert_eq!(
        desk.call(|w, m| w.fd_fdstat_set_flags(m, fd, 1 << 5)),
        Err(Errno::Inval)
    );
}

#[test]
fn opening_creates_truncates_and_excludes() {
    let mut desk = Desk::new();
    desk.open("new", CREATE).unwrap();
    assert_eq!(desk.stat("new").unwrap(), (4, 1, 0));
    assert_eq!(desk.open("new", CREATE | EXCLUSIVE), Err(Errno::Exist));
    desk.open("a.txt", TRUNCATE).unwrap();
    assert_eq!(desk.content("a.txt").unwrap(), "");
    assert_eq!(desk.open("dir", 0), Err(Errno::Isdir));
    assert_eq!(desk.open("a.txt", DIRECTORY), Err(Errno::Notdir));
    assert_eq!(desk.open("x/y", CREATE), Err(Errno::Noent));
    assert_eq!(desk.open("new/", CREATE), Err(Errno::Notdir));
    assert_eq!(desk.open("newer/", CREATE), Err(Errno::Isdir));
    assert_eq!(desk.open("dir", CREATE | DIRECTORY), Err(Errno::Inval));
}

#[test]
fn two_descriptors_of_one_file_see_each_other() {
    let mut desk = Desk::new();
    let reader = desk.open_at(ROOT, "dir/b.txt", 0, read_only(), 0).unwrap();
    let ino = desk.ino("dir/b.txt");
    let writer = desk.open("dir/b.txt", 0).unwrap();
    desk.write(writer, "B").unwrap();
    assert_eq!(desk.read(reader, 10).unwrap(), "Beta");
    assert_eq!(desk.ino("dir/b.txt"), ino);
}

#[test]
fn an_open_file_outlives_its_name() {
    let mut desk = Desk::new();
    let fd = desk.open("a.txt", 0).unwrap();
    desk.unlink("a.txt").unwrap();
    assert_eq!(desk.stat("a.txt"), Err(Errno::Noent));
    assert_eq!(desk.read(fd, 10).unwrap(), "alpha");
    desk.close(fd).unwrap();
    assert_eq!(desk.read(fd, 10), Err(Errno::Badf));
    // A removed directory takes nothing new.
    desk.mkdir("gone").unwrap();
    let dir = desk.open("gone", DIRECTORY).unwrap();
    desk.rmdir("gone").unwrap();
    assert_eq!(
        desk.open_at(dir, "x", CREATE, read_write(), 0),
        Err(Errno::Noent)
    );
    assert!(desk.list_fd(dir, 4096, |_, _| {}).is_empty());
}

#[test]
fn what_is_deleted_can_be_used_again() {
    let mut desk = Desk::new();
    // A hundred times what the memory limit would hold.
    for round in 0..800 {
        let fd = desk.open("big", CREATE).unwrap();
        desk.call(|w, m| w.fd_filestat_set_size(m, fd, 1 << 20))
            .unwrap();
        desk.close(fd).unwrap();
        desk.unlink("big")
            .unwrap_or_else(|e| panic!("{round}: {e:?}"));
    }
}

#[test]
fn sizes_and_times_can_be_set() {
    let mut desk = Desk::new();
    let fd = desk.open("a.txt", 0).unwrap();
    desk.call(|w, m| w.fd_filestat_set_size(m, fd, 2)).unwrap();
    desk.call(|w, m| w.fd_filestat_set_size(m, fd, 4)).unwrap();
    assert_eq!(desk.content("a.txt").unwrap(), "al\0\0");
    desk.call(|w, m| w.fd_allocate(m, fd, 2, 4)).unwrap();
    assert_eq!(desk.stat("a.txt").unwrap().2, 6);
    desk.call(|w, m| w.fd_filestat_set_times(m, fd, 7, 9, 0b101))
        .unwrap();
    desk.stat("a.txt").unwrap();
    assert_eq!((desk.u64_at(BUFFER + 40), desk.u64_at(BUFFER + 48)), (7, 9));
    let both = desk.call(|w, m| w.fd_filestat_set_times(m, fd, 7, 9, 0b11));
    assert_eq!(both, Err(Errno::Inval));
    desk.on_path("dir/b.txt", |w, m, len| {
        w.path_filestat_set_times(m, ROOT, 1, PATH, len, 0, 11, 0b100)
    })
    .unwrap();
    desk.stat("dir/b.txt").unwrap();
    assert_eq!(desk.u64_at(BUFFER + 48), 11);
    for (advice, answer) in [(5, Ok(())), (6, Err(Errno::Inval))] {
        assert_eq!(desk.call(|w, m| w.fd_advise(m, fd, 0, 0, advice)), answer);
    }
    desk.call(|w, m| w.fd_sync(m, fd)).unwrap();
    desk.call(|w, m| w.fd_datasync(m, fd)).unwrap();
}
