//! What must hold for any text. The fuzz targets and the ordinary tests run the same
//! functions.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use wb_policy::{HostPattern, NamePattern, Origin, PathPrefix, Pattern as _, Profile, Profiles};

/// Panics when something does not hold.
type Check = fn(&[u8]);

/// Every check.
pub(crate) const ALL: [Check; 2] = [scopes, profiles];

/// What is read prints as something that is read as the same.
pub(crate) fn scopes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    prints_as_itself::<Origin>(&text);
    prints_as_itself::<HostPattern>(&text);
    prints_as_itself::<PathPrefix>(&text);
    prints_as_itself::<NamePattern>(&text);
    if let (Ok(pattern), Ok(origin)) = (text.parse::<HostPattern>(), text.parse::<Origin>()) {
        assert!(pattern.permits(&origin), "{pattern} and {origin}");
    }
}

fn prints_as_itself<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        let again = read.to_string().parse::<T>().ok();
        assert_eq!(again.as_ref(), Some(&read), "{read}");
    }
}

/// The deployer's profiles never change the four that are built in.
pub(crate) fn profiles(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(profiles) = Profiles::from_toml(&text) {
        for own in [
            Profile::compute(),
            Profile::minimal(),
            Profile::network(),
            Profile::posix(),
        ] {
            assert_eq!(profiles.get(own.name()), Some(&own));
        }
    }
}
