use super::node::{FileType, NodeRef};
use super::tree::FileSystem;
use crate::wasi::{Errno, Fail};

/// Bytes of one name at most, as on the usual file systems.
pub(super) const MAX_NAME: usize = 255;
/// Bytes of one path at most, `PATH_MAX` of Linux.
const MAX_PATH: usize = 4096;
/// Links followed on one path at most, as Linux does.
const MAX_LINKS: u32 = 40;

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// The directory of the last name.
    pub(crate) parent: NodeRef,
    /// The last name; none if the path ends in `.` or `..`.
    pub(crate) name: Option<Box<str>>,
    /// What is there, if anything.
    pub(crate) node: Option<NodeRef>,
    /// Whether the path says that it means a directory, by a `/` at its end.
    pub(crate) directory: bool,
}

impl Lookup {
    /// What the path leads to.
    pub(crate) fn existing(&self, fs: &FileSystem) -> Result<NodeRef, Errno> {
        let node = self.node.ok_or(Errno::Noent)?;
        if self.directory && fs.filetype(node) != FileType::Directory {
            return Err(Errno::Notdir);
        }
        Ok(node)
    }
}

impl FileSystem {
    /// Walks `path` down from the directory `base`, which it cannot leave: `..` and
    /// links that would lead above it are refused, not cut short.
    pub(crate) fn lookup(
        &mut self,
        base: NodeRef,
        path: &str,
        follow: bool,
    ) -> Result<Lookup, Fail> {
        if path.is_empty() {
            return Err(Errno::Noent.into());
        }
        if path.contains('\0') {
            return Err(Errno::Inval.into());
        }
        let mut trail = vec![base];
        let mut links = 0;
        let mut linked: String;
        let mut text = path;
        loop {
            if text.len() > MAX_PATH {
                return Err(Errno::Nametoolong.into());
            }
            if text.starts_with('/') {
                return Err(Errno::Perm.into());
            }
            match self.walk(&mut trail, text, follow)? {
                Walk::End(lookup) => return Ok(lookup),
                Walk::Link { target, rest } => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::Loop.into());
                    }
                    linked = if rest.is_empty() {
                        target
                    } else {
                        format!("{target}/{rest}")
                    };
                    text = &linked;
                }
            }
        }
    }

    fn walk(&mut self, trail: &mut Vec<NodeRef>, text: &str, follow: bool) -> Result<Walk, Fail> {
        let mut rest = text;
        loop {
            let (part, after) = rest.split_once('/').unwrap_or((rest, ""));
            let slashed = part.len() < rest.len();
            let after = after.trim_start_matches('/');
            let last = after.is_empty();
            let here = *trail.last().expect("the trail starts with its base");
            match part {
                "." => {}
                ".." => {
                    trail.pop();
                    if trail.is_empty() {
                        return Err(Errno::Perm.into());
                    }
                }
                name if name.len() > MAX_NAME => return Err(Errno::Nametoolong.into()),
                name => {
                    let node = self.child(here, name)?;
                    let filetype = node.map(|node| self.filetype(node));
                    match (node, filetype) {
                        (Some(node), Some(FileType::SymbolicLink)) if follow || slashed => {
                            return Ok(Walk::Link {
                                target: self.link_target(node).into(),
                                rest: if last && slashed { "." } else { after }.into(),
                            });
                        }
                        _ if last => {
                            return Ok(Walk::End(Lookup {
                                parent: here,
                                name: Some(name.into()),
                                node,
                                directory: slashed,
                            }));
                        }
                        (Some(node), Some(FileType::Directory)) => trail.push(node),
                        (Some(_), _) => return Err(Errno::Notdir.into()),
                        (None, _) => return Err(Errno::Noent.into()),
                    }
                }
            }
            if last {
                let node = *trail.last().expect("checked at `..`");
                return Ok(Walk::End(Lookup {
                    parent: node,
                    name: None,
                    node: Some(node),
                    directory: true,
                }));
            }
            rest = after;
        }
    }
}

enum Walk {
    End(Lookup),
    /// A link in the way: go on from here along `target`, then `rest`.
    Link {
        target: String,
        rest: String,
    },
}
