use std::collections::{BTreeMap, BTreeSet};

use wb_dock::wit;
use wb_manifest::Tree;
use wit_parser::{
    Function, InterfaceId, PackageId, Resolve, SourceMap, TypeDefKind, TypeId,
    UnresolvedPackageGroup, WorldId, WorldItem, WorldKey,
};

use crate::diagnose::{Diagnostic, WIT_ROOT, split_place};

/// A world with all that it refers to.
pub(crate) struct World {
    pub(super) resolve: Resolve,
    pub(super) id: WorldId,
}

/// A function of a world, and the interface that it is of.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub interface: Option<&'a WorldKey>,
    pub function: &'a Function,
}

/// A resource of an imported interface.
#[derive(Clone, Copy)]
pub(super) struct Resource<'a> {
    pub interface: &'a WorldKey,
    pub id: TypeId,
}

/// Folder of the packages that every world may use.
const BUILTIN: &str = "builtin";

/// The packages of the Dock and of WASI, and with them a toolkit's own: all that a
/// world can be made of.
pub(crate) fn sources(own: &Tree) -> Tree {
    let mut tree = own.clone();
    for package in wit::WASI.iter().chain([&wit::DOCK, &wit::ENGINE]) {
        for (file, text) in package.files {
            let path = format!("{}/{file}", folder(package.name));
            let path = path.parse().expect("names of packages are plain");
            tree.insert(path, *text);
        }
    }
    tree
}

fn folder(package: &str) -> String {
    format!("{BUILTIN}/{}", package.replace([':', '@'], "-"))
}

/// Which package a file belongs to: its folder; a file right in `deps` is one itself.
fn group(path: &str) -> Option<&str> {
    let (_, extension) = path.rsplit_once('.')?;
    if extension != "wit" {
        return None;
    }
    let (folder, _) = path.rsplit_once('/').unwrap_or(("", path));
    match folder {
        "" => Some(""),
        "deps" => Some(path),
        _ => (folder.starts_with("deps/") || folder.starts_with(BUILTIN)).then_some(folder),
    }
}

impl World {
    /// Reads the world `name` from what [`sources`] gives.
    pub(crate) fn read(files: &Tree, name: &str) -> Result<Self, Diagnostic> {
        let (resolve, package) = resolve(files)?;
        let id = select(&resolve, package, name)?;
        Ok(Self { resolve, id })
    }

    /// The only world of a toolkit's own package, if that has one and no more.
    pub(crate) fn only(files: &Tree) -> Result<Option<String>, Diagnostic> {
        let (resolve, package) = resolve(files)?;
        let package = &resolve.packages[package];
        let is_own = package.name.to_string() != wit::ENGINE.name;
        let mut names = package.worlds.keys().filter(|_| is_own);
        Ok(names.next().filter(|_| names.next().is_none()).cloned())
    }

    /// The only function that it exports, if there is one and no more.
    pub(crate) fn only_export(&self) -> Option<String> {
        match self.exports().as_slice() {
            [one] => Some(self.path(one)),
            _ => None,
        }
    }

    /// Refuses what this version builds no component for.
    pub(crate) fn check(&self, entry: &str) -> Result<(), Diagnostic> {
        for item in self.imports().into_iter().chain(self.exports()) {
            if item.function.kind.is_async() {
                let name = &item.function.name;
                return Err(self.refused(&format!("`{name}` is async, expected a plain function")));
            }
        }
        for (_, ty) in &self.resolve.types {
            if matches!(ty.kind, TypeDefKind::Future(_) | TypeDefKind::Stream(_)) {
                return Err(self.refused("futures and streams are not built yet"));
            }
        }
        let exports: Vec<String> = self.exports().iter().map(|item| self.path(item)).collect();
        if exports.iter().any(|name| name == entry) {
            return Ok(());
        }
        let known = match exports.as_slice() {
            [] => "it exports no function".to_owned(),
            names => format!("it exports `{}`", names.join("`, `")),
        };
        Err(self.refused(&format!(
            "no export `{entry}`, which `#+ENTRY` names: {known}"
        )))
    }

    fn refused(&self, message: &str) -> Diagnostic {
        Diagnostic::error(format!("world `{}`: {message}", self.name()))
    }

    /// Its own name, without its package.
    pub(crate) fn name(&self) -> &str {
        &self.resolve.worlds[self.id].name
    }

    pub(super) fn imports(&self) -> Vec<Item<'_>> {
        self.items(&self.resolve.worlds[self.id].imports)
    }

    pub(super) fn exports(&self) -> Vec<Item<'_>> {
        self.items(&self.resolve.worlds[self.id].exports)
    }

    fn items<'a>(
        &'a self,
        items: impl IntoIterator<Item = (&'a WorldKey, &'a WorldItem)>,
    ) -> Vec<Item<'a>> {
        let mut found = Vec::new();
        for (key, item) in items {
            match item {
                WorldItem::Interface { id, .. } => {
                    let functions = self.resolve.interfaces[*id].functions.values();
                    found.extend(functions.map(|function| Item {
                        interface: Some(key),
                        function,
                    }));
                }
                WorldItem::Function(function) => found.push(Item {
                    interface: None,
                    function,
                }),
                WorldItem::Type { .. } => {}
            }
        }
        found
    }

    /// The resources of imported interfaces.
    pub(super) fn resources(&self) -> Vec<Resource<'_>> {
        let mut found = Vec::new();
        for (interface, item) in &self.resolve.worlds[self.id].imports {
            if let WorldItem::Interface { id, .. } = item {
                let types = self.resolve.interfaces[*id].types.values().copied();
                let resources =
                    types.filter(|id| self.resolve.types[*id].kind == TypeDefKind::Resource);
                found.extend(resources.map(|id| Resource { interface, id }));
            }
        }
        found
    }

    /// `run`, or `example:shop/prices@1.0.0#look-up`.
    fn path(&self, item: &Item<'_>) -> String {
        match item.interface {
            Some(key) => format!(
                "{}#{}",
                self.resolve.name_world_key(key),
                item.function.name
            ),
            None => item.function.name.clone(),
        }
    }

    /// The name of an interface alone.
    pub(super) fn interface_name<'a>(&'a self, key: &'a WorldKey) -> &'a str {
        match key {
            WorldKey::Name(name) => name,
            WorldKey::Interface(id) => self.name_of(*id),
        }
    }

    fn name_of(&self, id: InterfaceId) -> &str {
        let name = self.resolve.interfaces[id].name.as_deref();
        name.expect("interfaces that are keys of a world by their id have a name")
    }
}

/// All packages of a toolkit, and which of them is its own; the Dock's worlds where it has none.
fn resolve(files: &Tree) -> Result<(Resolve, PackageId), Diagnostic> {
    let mut groups = parse(files)?;
    // A toolkit may bring another version of a package that is there already.
    let own: BTreeSet<String> = groups
        .iter()
        .filter(|(folder, _)| !folder.starts_with(BUILTIN))
        .map(|(_, group)| group.main.name.to_string())
        .collect();
    groups.retain(|folder, group| {
        !folder.starts_with(BUILTIN) || !own.contains(&group.main.name.to_string())
    });
    let main = groups.remove("");
    let Some(main) = main.or_else(|| groups.remove(folder(wit::ENGINE.name).as_str())) else {
        return Err(Diagnostic::error("the folder `wit` defines no package"));
    };
    let mut resolve = Resolve::default();
    let package = match resolve.push_groups(main, groups.into_values().collect()) {
        Ok(package) => package,
        Err(error) => {
            let place = resolve.render_location(error.kind().span());
            return Err(finding(&place, &error.kind().to_string()));
        }
    };
    Ok((resolve, package))
}

fn parse(files: &Tree) -> Result<BTreeMap<&str, UnresolvedPackageGroup>, Diagnostic> {
    let mut maps: BTreeMap<&str, SourceMap> = BTreeMap::new();
    for (path, bytes) in files.iter() {
        let Some(group) = group(path.as_str()) else {
            continue;
        };
        let shown = format!("{WIT_ROOT}/{path}");
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Diagnostic::error("WIT has to be UTF-8").at(shown.clone(), 1, 1))?;
        maps.entry(group).or_default().push_str(&shown, text);
    }
    maps.into_iter()
        .map(|(group, map)| match map.parse() {
            Ok(parsed) => Ok((group, parsed)),
            Err((map, error)) => {
                let place = map.render_location(error.kind().span());
                Err(finding(&place, &error.kind().to_string()))
            }
        })
        .collect()
}

/// The world called `name`: of the toolkit's own package, else of the Dock's.
fn select(resolve: &Resolve, package: PackageId, name: &str) -> Result<WorldId, Diagnostic> {
    if name.contains('/') {
        let found = resolve.select_world(&[package], Some(name));
        return found.map_err(|error| {
            let error = error.to_string().to_lowercase();
            Diagnostic::error(format!("`#+WIT: {name}`: {error}"))
        });
    }
    let of_dock = resolve
        .packages
        .iter()
        .filter(|(_, package)| package.name.to_string() == wit::ENGINE.name);
    let searched: Vec<_> = std::iter::once(&resolve.packages[package])
        .chain(of_dock.map(|(_, package)| package))
        .collect();
    let found = searched.iter().find_map(|package| package.worlds.get(name));
    found.copied().ok_or_else(|| {
        let known: BTreeSet<&str> = searched
            .iter()
            .flat_map(|package| package.worlds.keys().map(String::as_str))
            .collect();
        let known: Vec<_> = known.into_iter().collect();
        Diagnostic::error(format!(
            "no world `{name}`, which `#+WIT` names, expected one of {}",
            known.join(", ")
        ))
    })
}

/// A finding at `file:line:column`, which the parser leaves out at times.
fn finding(place: &str, message: &str) -> Diagnostic {
    let message = message.trim().replace('\n', "; ");
    match split_place(place) {
        Some((file, line, column)) => Diagnostic::error(message).at(file, line, column),
        None => Diagnostic::error(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &'static str)], name: &str) -> Result<World, Diagnostic> {
        let own: Tree = files
            .iter()
            .map(|&(path, text)| (path.parse().unwrap(), text.into()))
            .collect();
        World::read(&sources(&own), name)
    }

    fn fault(files: &[(&str, &'static str)], name: &str) -> String {
        read(files, name).err().expect("a fault").to_string()
    }

    #[test]
    fn a_toolkit_without_wit_has_the_worlds_of_the_dock() {
        let world = read(&[], "engine").unwrap();
        assert_eq!(world.exports()[0].function.name, "run");
        assert!(world.check("run").is_ok());
        assert!(read(&[], "workbooks:engine/engine").is_ok());
        assert!(
            fault(&[], "enigne").contains("`enigne`"),
            "{}",
            fault(&[], "enigne")
        );
    }

    #[test]
    fn own_worlds_use_the_interfaces_of_the_dock_and_their_own_packages() {
        let world = read(
            &[
                (
                    "shop.wit",
                    "package example:shop;\nworld shop {\n import workbooks:dock/kv@1.0.0;\n \
                     import example:tax/rates@0.1.0;\n export sell: func() -> u32;\n}\n",
                ),
                (
                    "deps/tax.wit",
                    "package example:tax@0.1.0;\ninterface rates { rate: func() -> f64; }\n",
                ),
            ],
            "shop",
        )
        .unwrap();
        let imports: Vec<_> = world.imports().iter().map(|i| world.path(i)).collect();
        assert!(
            imports.contains(&"workbooks:dock/kv@1.0.0#get".to_owned()),
            "{imports:?}"
        );
        assert!(imports.contains(&"example:tax/rates@0.1.0#rate".to_owned()));
        assert_eq!(
            world.check("run").unwrap_err().to_string(),
            "error: world `shop`: no export `run`, which `#+ENTRY` names: it exports `sell`"
        );
    }

    #[test]
    fn faults_of_wit_have_a_place() {
        let text = "package a:b;\nworld w {\n  export run: func() -> sting;\n}\n";
        assert_eq!(
            fault(&[("b.wit", text)], "w"),
            "/wit/b.wit:3:25: error: name `sting` does not exist"
        );
        let text = "package a:b;\nworld w {\n  import c:d/e;\n}\n";
        let found = fault(&[("b.wit", text)], "w");
        assert!(
            found.starts_with("/wit/b.wit:3:10: error: package 'c:d' not found"),
            "{found}"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z:{}() ;,<>%\n-]{0,80}") {
            let mut own = Tree::new();
            own.insert("a.wit".parse().unwrap(), text);
            let _ = World::read(&sources(&own), "engine");
        }
    }
}
