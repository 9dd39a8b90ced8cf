//! Whether the environment has credentials for a vendor's bucket.
//!
//! Without any, the crate's clients ask the metadata service of the machine, which answers only on the vendor's own machines: elsewhere
//! they wait for it in vain. So we refuse up front, unless the environment says that this service is meant. We look at what the crate
//! takes from the environment, and at nothing else. On Google's, the crate also reads a file of the command `gcloud`.

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as S3Key};
use object_store::azure::{AzureConfigKey as AzureKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey as GoogleKey};

/// What is missing, and the way out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) line: &'static str,
    pub(crate) hint: &'static str,
}

fn is_true(value: Option<String>) -> bool {
    value
        .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "on" | "yes" | "y"))
}

/// Whether requests to S3 are signed.
pub(crate) fn s3_signs(builder: &AmazonS3Builder) -> bool {
    !is_true(builder.get_config_value(&S3Key::SkipSignature))
}

pub(crate) fn s3(builder: &AmazonS3Builder) -> Result<(), Missing> {
    let has = |key: S3Key| builder.get_config_value(&key).is_some_and(|value| !value.is_empty());
    let (id, secret) = (has(S3Key::AccessKeyId), has(S3Key::SecretAccessKey));
    if id != secret {
        return Err(Missing {
            line: "the environment has only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            hint: "export both",
        });
    }
    let role = has(S3Key::WebIdentityTokenFile) && has(S3Key::RoleArn);
    let container = has(S3Key::ContainerCredentialsRelativeUri)
        || has(S3Key::ContainerCredentialsFullUri) && has(S3Key::ContainerAuthorizationTokenFile);
    let machine = has(S3Key::MetadataEndpoint) || is_true(builder.get_config_value(&S3Key::ImdsV1Fallback));
    if id || role || container || machine || !s3_signs(builder) {
        return Ok(());
    }
    Err(Missing {
        line: "the environment has no credentials for S3",
        hint: "export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (the files in ~/.aws are not read: \
               `eval \"$(aws configure export-credentials --format env)\"`); for the role of an EC2 machine export \
               AWS_METADATA_ENDPOINT=http://169.254.169.254; for a bucket that is open to everybody \
               AWS_SKIP_SIGNATURE=true",
    })
}

/// `names_account` is whether the URL names the account.
pub(crate) fn azure(builder: &MicrosoftAzureBuilder, names_account: bool) -> Result<(), Missing> {
    let has = |key: AzureKey| builder.get_config_value(&key).is_some_and(|value| !value.is_empty());
    let emulator = is_true(builder.get_config_value(&AzureKey::UseEmulator));
    if !names_account && !emulator && !has(AzureKey::AccountName) {
        return Err(Missing {
            line: "the environment does not name the account at Azure",
            hint: "export AZURE_STORAGE_ACCOUNT_NAME, and its AZURE_STORAGE_ACCOUNT_KEY",
        });
    }
    let any = [
        AzureKey::AccessKey,
        AzureKey::SasKey,
        AzureKey::Token,
        AzureKey::ClientSecret,
        AzureKey::FederatedTokenFile,
        AzureKey::MsiEndpoint,
        AzureKey::ObjectId,
        AzureKey::MsiResourceId,
        AzureKey::FabricTokenServiceUrl,
    ];
    let said = [AzureKey::UseAzureCli, AzureKey::SkipSignature];
    if emulator || any.into_iter().any(has) || said.iter().any(|key| is_true(builder.get_config_value(key))) {
        return Ok(());
    }
    Err(Missing {
        line: "the environment has no credentials for Azure",
        hint: "export AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_SAS_KEY; or \
               AZURE_USE_AZURE_CLI=true after `az login`; for the identity of a machine export AZURE_MSI_ENDPOINT",
    })
}

pub(crate) fn google(builder: &GoogleCloudStorageBuilder) -> Result<(), Missing> {
    let has = |key: GoogleKey| builder.get_config_value(&key).is_some_and(|value| !value.is_empty());
    let keys = [
        GoogleKey::ServiceAccount,
        GoogleKey::ServiceAccountKey,
        GoogleKey::ApplicationCredentials,
        GoogleKey::BearerToken,
    ];
    let file = std::env::home_dir()
        .is_some_and(|home| home.join(".config/gcloud/application_default_credentials.json").exists());
    // The metadata service of Google's machines, by the variable that its other clients have.
    let machine =
        std::env::var_os("GCE_METADATA_HOST").is_some() || std::env::var_os("METADATA_HOST").is_some();
    let open = is_true(builder.get_config_value(&GoogleKey::SkipSignature));
    if keys.into_iter().any(has) || file || machine || open {
        return Ok(());
    }
    Err(Missing {
        line: "the environment has no credentials for Google's buckets",
        hint: "export GOOGLE_SERVICE_ACCOUNT=FILE, or run `gcloud auth application-default login`; on a machine of \
               Google's export GCE_METADATA_HOST=metadata.google.internal; for a bucket that is open to everybody \
               GOOGLE_SKIP_SIGNATURE=true",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_without_credentials_is_refused_with_ways_out() {
        let none = s3(&AmazonS3Builder::new()).expect_err("there are none");
        assert!(none.hint.contains("AWS_SKIP_SIGNATURE") && none.hint.contains("AWS_METADATA_ENDPOINT"));
        let half = s3(&AmazonS3Builder::new().with_access_key_id("id")).expect_err("there is half of them");
        assert!(half.line.contains("only one"));
        let azure =
            |builder: &MicrosoftAzureBuilder| azure(builder, false).expect_err("something is missing");
        assert!(azure(&MicrosoftAzureBuilder::new()).line.contains("does not name the account"));
        assert!(azure(&MicrosoftAzureBuilder::new().with_account("a")).line.contains("no credentials"));
    }

    #[test]
    fn each_way_to_have_credentials_is_known() {
        let new = AmazonS3Builder::new;
        let with = |key, value| new().with_config(key, value);
        assert_eq!(s3(&new().with_access_key_id("id").with_secret_access_key("secret")), Ok(()));
        assert_eq!(s3(&new().with_skip_signature(true)), Ok(()));
        assert_eq!(s3(&with(S3Key::ContainerCredentialsRelativeUri, "/x")), Ok(()));
        assert_eq!(s3(&with(S3Key::WebIdentityTokenFile, "f").with_config(S3Key::RoleArn, "r")), Ok(()));
        assert_eq!(s3(&new().with_metadata_endpoint("http://169.254.169.254")), Ok(()));
        assert_eq!(azure(&MicrosoftAzureBuilder::new().with_use_emulator(true), false), Ok(()));
        assert_eq!(google(&GoogleCloudStorageBuilder::new().with_skip_signature(true)), Ok(()));
    }
}
