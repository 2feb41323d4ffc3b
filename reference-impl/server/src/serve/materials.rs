//! What the files of the configuration hold: read at the start, and again on SIGHUP and restart.

use std::{fs, path::Path, sync::Arc};

use reference_cstp::{
    authenticate::AnnouncedProfile,
    defects::Defects,
    download::{ServedFiles, ServedProfile, sha1_hex},
};

use crate::{
    config::{ClientProfileFile, Config},
    events::Events,
    failure::Failure,
    tls::{Acceptor, KeyLogFile},
    users::{Otp, Passwords},
};

/// Largest client profile.
const LARGEST_PROFILE: u64 = 4 << 20;

/// Certificates, keys, users and the client profile, read.
#[derive(Clone)]
pub struct Materials {
    /// TLS.
    pub acceptor: Acceptor,
    /// Passwords; empty when they are no method.
    pub passwords: Arc<Passwords>,
    /// One-time codes; empty when they are no method.
    pub otp: Arc<Otp>,
    /// Client profile that is announced.
    pub announced: Option<AnnouncedProfile>,
    /// Files that clients may ask for.
    pub files: Arc<ServedFiles>,
}

impl Materials {
    /// Reads all files.
    ///
    /// # Errors
    ///
    /// Status 66 and the file that cannot be used.
    pub fn load(config: &Config, key_log: Option<&KeyLogFile>, defects: Defects) -> Result<Self, Failure> {
        let passwords = match &config.auth.users {
            None => Passwords::default(),
            Some(path) => {
                let hint = "lines `name:groups:hash`; `vpn-ref-server add-user` makes them";
                let text = fs::read_to_string(path).map_err(|error| Failure::unreadable("users", path, error, hint))?;
                Passwords::parse(&text).map_err(|error| Failure::unreadable("users", path, error, hint))?
            }
        };
        let otp = match &config.auth.otp {
            None => Otp::default(),
            Some(path) => {
                let hint = "lines `HOTP/T30 name - hexkey`, as the OATH toolkit has them";
                let text = fs::read_to_string(path)
                    .map_err(|error| Failure::unreadable("one-time secrets", path, error, hint))?;
                Otp::parse(&text).map_err(|error| Failure::unreadable("one-time secrets", path, error, hint))?
            }
        };
        let profile = config.client_profile.as_ref().map(profile).transpose()?;
        let (announced, served) = profile.unzip();
        Ok(Self {
            acceptor: Acceptor::load(&config.tls, key_log, defects)?,
            passwords: Arc::new(passwords),
            otp: Arc::new(otp),
            announced,
            files: Arc::new(ServedFiles { profile: served }),
        })
    }

    /// Reads all files again; one-time codes that were used stay used.
    ///
    /// # Errors
    ///
    /// As [`Materials::load`].
    pub fn reload(&self, config: &Config, key_log: Option<&KeyLogFile>, defects: Defects) -> Result<Self, Failure> {
        let mut fresh = Self::load(config, key_log, defects)?;
        let otp = std::mem::take(&mut fresh.otp);
        if let Ok(otp) = Arc::try_unwrap(otp) {
            fresh.otp = Arc::new(otp.after(&self.otp));
        }
        Ok(fresh)
    }

    /// Tells the operator what is not as it should be with files that are used all the same.
    pub(super) fn warn(&self, events: &Events) {
        for warning in self.acceptor.warnings() {
            events.warn(warning);
        }
    }

    /// Returns how many users have a password.
    #[must_use]
    pub fn users(&self) -> usize {
        self.passwords.count()
    }
}

/// A profile that is missing on purpose is announced with the hash of the file, if there is one.
fn profile(plan: &ClientProfileFile) -> Result<(AnnouncedProfile, ServedProfile), Failure> {
    let content = match (&plan.path, plan.missing) {
        (Some(path), false) => Some(read_profile(path)?),
        (Some(path), true) => read_profile(path).ok(),
        (None, _) => None,
    };
    let sha1 = sha1_hex(content.as_deref().unwrap_or_default());
    let content = content.filter(|_| !plan.missing);
    let uri = plan.uri.clone();
    Ok((AnnouncedProfile { uri: uri.clone(), sha1 }, ServedProfile { uri, content }))
}

fn read_profile(path: &Path) -> Result<Vec<u8>, Failure> {
    let hint = "check `client-profile.path`; `missing: true` announces a profile that is not there";
    let unreadable = |error: &dyn std::fmt::Display| Failure::unreadable("client profile", path, error, hint);
    let meta = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if meta.len() > LARGEST_PROFILE {
        return Err(unreadable(&"larger than 4 MiB"));
    }
    fs::read(path).map_err(|error| unreadable(&error))
}
