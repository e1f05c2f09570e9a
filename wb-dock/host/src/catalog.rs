use std::path::Path;

use wb_manifest::ToolkitId;

use crate::Home;
use crate::error::Error;
use crate::toolkits::{Toolkits, no_such_toolkit, toolkit_id};

/// The toolkits at hand: the user's own, then those that were installed.
#[derive(Clone, Debug)]
pub struct Catalog {
    places: Vec<Toolkits>,
}

impl Catalog {
    /// The toolkits in `workspace`, if there is one, and those installed in `home`.
    pub fn new(workspace: Option<Toolkits>, home: &Home) -> Self {
        let installed = Toolkits::at(home.toolkits());
        Self {
            places: workspace.into_iter().chain([installed]).collect(),
        }
    }

    /// Every toolkit with the place it lies in, in order of name.
    ///
    /// One of the user's own hides an installed one of the same name.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn all(&self) -> Result<Vec<(ToolkitId, &Toolkits)>, Error> {
        let mut all: Vec<(ToolkitId, &Toolkits)> = Vec::new();
        for place in &self.places {
            for id in place.ids()? {
                if !all.iter().any(|(known, _)| *known == id) {
                    all.push((id, place));
                }
            }
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    /// The toolkits of the workspace alone: those whose sources are the user's.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn own(&self) -> Result<Vec<(ToolkitId, &Toolkits)>, Error> {
        // The installed ones are the last place.
        let own = self.places.split_last().and_then(|(_, own)| own.first());
        own.map_or_else(
            || Ok(Vec::new()),
            |place| Ok(place.ids()?.into_iter().map(|id| (id, place)).collect()),
        )
    }

    /// The toolkit in the directory `dir`, wherever that is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchToolkit`](crate::ErrorKind::NoSuchToolkit) if it holds none,
    /// or its own name is no name of a toolkit; `shown` is what a message calls it.
    pub fn at(dir: &Path, shown: &str) -> Result<(ToolkitId, Toolkits), Error> {
        // `.` and `..` get the names they stand for.
        let dir = dir.canonicalize().map_err(|_| no_such_toolkit(shown))?;
        let id = dir.file_name().and_then(|name| name.to_str()?.parse().ok());
        let place = dir.parent().map(Toolkits::at);
        match (id, place) {
            (Some(id), Some(place)) if place.contains(&id) => Ok((id, place)),
            _ => Err(no_such_toolkit(shown)),
        }
    }

    /// The toolkit that the user calls `name`, and the place it lies in.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchToolkit`](crate::ErrorKind::NoSuchToolkit).
    pub fn find(&self, name: &str) -> Result<(ToolkitId, &Toolkits), Error> {
        let id = toolkit_id(name)?;
        let place = self.places.iter().find(|place| place.contains(&id));
        let place = place.ok_or_else(|| no_such_toolkit(name))?;
        Ok((id, place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atomic::Mode;
    use wb_manifest::Tree;

    #[test]
    fn ones_own_toolkit_hides_an_installed_one() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("nexus"));
        let own = Toolkits::at(dir.path().join("toolkits"));
        let mut tree = Tree::new();
        tree.insert("manifest.org".parse().unwrap(), "* t :toolkit:\n");
        let write = |place: &Toolkits, name: &str| {
            place
                .write(&name.parse().unwrap(), &tree, Mode::Private)
                .unwrap();
        };
        write(&own, "b");
        write(&Toolkits::at(home.toolkits()), "b");
        write(&Toolkits::at(home.toolkits()), "a");

        let catalog = Catalog::new(Some(own.clone()), &home);
        let all = catalog.all().unwrap();
        let names: Vec<_> = all.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(catalog.find("b").unwrap().1.root(), own.root());
        let (id, place) = Catalog::at(&own.root().join("b/."), "b/.").unwrap();
        assert_eq!((id.as_str(), place.contains(&id)), ("b", true));
        assert!(Catalog::at(dir.path(), ".").is_err());
        let error = catalog.find("c").unwrap_err();
        assert_eq!(error.code(), "host/no-such-toolkit");
    }
}
