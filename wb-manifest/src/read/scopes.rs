use wb_oql::Document;

use crate::key::Key;

/// Which part of a document belongs to which toolkit.
///
/// What stands below a `:toolkit:` headline is its own; all else belongs to the
/// primary one. Further toolkits share only who made the file and its version.
pub(crate) struct Scopes {
    /// The `:toolkit:` headlines.
    pub(super) headlines: Vec<usize>,
    /// The toolkit headline that each headline is or stands below.
    owners: Vec<Option<usize>>,
    pub(crate) primary: Option<usize>,
    pub(super) is_entry: bool,
}

impl Scopes {
    pub(crate) fn of(doc: &Document<'_>) -> Self {
        let mut headlines = Vec::new();
        let mut owners: Vec<Option<usize>> = Vec::with_capacity(doc.headlines().len());
        for (index, headline) in doc.headlines().iter().enumerate() {
            if headline.has_tag(doc, "toolkit") {
                headlines.push(index);
                owners.push(Some(index));
            } else {
                owners.push(headline.parent.and_then(|parent| owners[parent]));
            }
        }
        let id = doc
            .keyword(Key::Toolkit.name())
            .map(|keyword| doc.str(keyword.value));
        let has_id = |&&index: &&usize| {
            let property = doc.headlines()[index].property(doc, "ID");
            property.is_some_and(|property| Some(doc.str(property.value)) == id)
        };
        let primary = headlines.iter().find(has_id).or(headlines.first()).copied();
        Self {
            headlines,
            owners,
            primary,
            is_entry: false,
        }
    }

    pub(super) fn owner(&self, headline: Option<usize>) -> Option<usize> {
        headline.and_then(|index| self.owners[index])
    }

    /// Whether what stands under `place` belongs to `toolkit`.
    pub(crate) fn holds(&self, toolkit: Option<usize>, place: Option<usize>) -> bool {
        let owner = self.owner(place);
        owner == toolkit || (owner.is_none() && toolkit == self.primary)
    }
}
