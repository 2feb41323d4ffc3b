//! What deployed servers say, written from the published forms of their messages.

/// ocserv 1.1.6, the first form.
pub(crate) const OCSERV_USER: &str = "HTTP/1.1 200 OK\r\n\
Set-Cookie: webvpncontext=; expires=Thu, 01 Jan 1970 22:00:00 GMT; path=/; Secure; HttpOnly\r\n\
Content-Type: text/xml\r\nContent-Length: 465\r\nX-Transcend-Version: 1\r\n\r\n\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<config-auth client=\"vpn\" type=\"auth-request\">
<version who=\"sg\">0.1(1)</version>
<auth id=\"main\">
<message>Please enter your username.</message>
<form method=\"post\" action=\"/auth\">
<input type=\"text\" name=\"username\" label=\"Username:\" />
<select name=\"group_list\" label=\"GROUP:\">
<option>[Default]</option>
<option value=\"staff\">All staff</option>
<option value=\"guests\">guests</option>
</select>
</form></auth>
</config-auth>";

/// ocserv 1.1.6, the second form.
pub(crate) const OCSERV_PASSWORD: &str = "HTTP/1.1 200 OK\r\n\
Set-Cookie: webvpncontext=c2lkc2lkc2lk; Max-Age=300; Secure; HttpOnly\r\n\
Content-Type: text/xml\r\nContent-Length: 309\r\nX-Transcend-Version: 1\r\n\r\n\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<config-auth client=\"vpn\" type=\"auth-request\">
<version who=\"sg\">0.1(1)</version>
<auth id=\"main\">
<message>Please enter your password.</message>
<form method=\"post\" action=\"/auth\">
<input type=\"password\" name=\"password\" label=\"Password:\" />
</form></auth></config-auth>";

/// ocserv 1.1.6, success.
pub(crate) const OCSERV_SUCCESS: &str = "HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\nContent-Type: text/xml\r\n\
Content-Length: 211\r\nX-Transcend-Version: 1\r\n\
Set-Cookie: webvpncontext=c2lkc2lkc2lk; Secure; HttpOnly\r\n\
Set-Cookie: webvpn=c2VjcmV0c2VjcmV0; Secure; HttpOnly\r\n\
Set-Cookie: webvpnc=; expires=Thu, 01 Jan 1970 22:00:00 GMT; path=/; Secure; HttpOnly\r\n\
Set-Cookie: webvpnc=bu:/&p:t&iu:1/&sh:0123456789ABCDEF0123456789ABCDEF01234567&lu:/+CSCOT+/translation-table?textdomain%3DAnyConnect%26type%3Dmanifest&fu:profiles%2Fprofile.xml&fh:89ABCDEF0123456789ABCDEF0123456789ABCDEF; path=/; Secure; HttpOnly\r\n\r\n\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<config-auth client=\"vpn\" type=\"complete\">
<version who=\"sg\">0.1(1)</version>
<auth id=\"success\">
<title>SSL VPN Service</title><banner>Hello</banner></auth></config-auth>
";

/// ocserv, a refusal; the connection is closed.
pub(crate) const OCSERV_REFUSAL: &str = "HTTP/1.1 401 Authentication failed\r\nContent-Length: 0\r\n\r\n";

/// An ASA, the first form: in chunks, with an `opaque` that has unknown children and CDATA, and a form without action and method.
pub(crate) const ASA_FORM: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<config-auth client=\"vpn\" type=\"auth-request\" aggregate-auth-version=\"2\">
<opaque is-for=\"sg\">
<tunnel-group>DefaultWEBVPNGroup</tunnel-group><aggauth-handle>168179266</aggauth-handle>
<auth-method>multiple-cert</auth-method><auth-method >single-sign-on-v2</auth-method>
<config-hash>1595829378234</config-hash><x:odd  a='1' b=\"&#x41;\"><![CDATA[ <&]]></x:odd><empty></empty><!-- kept -->
</opaque>
<auth id=\"main\">
<title>Login</title>
<message param1=\"ann\" param2=\"\">Please enter your username and password, %s.</message>
<banner></banner>
<form>
<select name=\"group_list\" label=\"GROUP:\">
<option value=\"A\" auth-type=\"none\" noaaa=\"0\">Group A</option>
<option selected=\"true\">B</option>
</select>
<input type=\"text\" name=\"username\" label=\"Username:\"></input>
<input type=\"password\" name=\"password\" label=\"Password:\"></input>
<input type=\"submit\" name=\"Login\" value=\"Login\"/>
<input type=\"reset\" name=\"Clear\" value=\"Clear\"/>
</form>
</auth>
</config-auth>";

/// An ASA, a wrong password.
pub(crate) const ASA_ERROR: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<config-auth client=\"vpn\" type=\"auth-request\" aggregate-auth-version=\"2\">
<opaque is-for=\"sg\"><tunnel-group>B</tunnel-group><config-hash>2</config-hash></opaque>
<auth id=\"main\"><title>Login</title><message>Please enter your username and password.</message><banner></banner>
<error id=\"13\" param1=\"ann\" param2=\"\">Login failed for %s.</error>
<form method=\"post\" action=\"/+webvpn+/index.html\">
<input type=\"text\" name=\"username\" label=\"Username:\"/><input type=\"password\" name=\"password\" label=\"Password:\"/>
</form></auth></config-auth>";

/// An ASA, success: the credential is in the document.
pub(crate) const ASA_SUCCESS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<config-auth client=\"vpn\" type=\"complete\" aggregate-auth-version=\"2\">
<session-id>32774</session-id>
<session-token>A1B2C3@32774@9F3B@D0E1</session-token>
<auth id=\"success\"><message id=\"0\" param1=\"\" param2=\"\"></message><banner>Be &lt;good&gt;</banner></auth>
<capabilities><crypto-supported>ssl-dhe</crypto-supported></capabilities>
<config client=\"vpn\" type=\"private\">
<vpn-base-config>
<server-cert-hash>240B97A685B2BFA66AD699B90AAC49EA66495D69</server-cert-hash>
</vpn-base-config>
<opaque is-for=\"vpn-client\"><custom-attr><dynamic-split-include-domains>example.org</dynamic-split-include-domains></custom-attr></opaque>
<vpn-core-manifest>
<vpn rev=\"1.0\">
<file version=\"4.10.05095\" id=\"VPNCore\" is_core=\"yes\" type=\"exe\" action=\"install\">
<uri>binaries/anyconnect-win-4.10.05095-core-vpn-webdeploy-k9.exe</uri>
<hash type=\"sha1\">0123</hash>
</file>
</vpn>
</vpn-core-manifest>
<vpn-profile-manifest>
<vpn rev=\"1.0\">
<file type=\"profile\" service-type=\"other\"><uri>/CACHE/other.xml</uri><hash type=\"sha1\">00</hash></file>
<file type=\"profile\" service-type=\"user\">
<uri>/CACHE/stc/profiles/staff.xml</uri>
<hash type=\"sha1\">1A2B3C4D5E6F708192A3B4C5D6E7F8091A2B3C4D</hash>
</file>
</vpn>
</vpn-profile-manifest>
</config>
</config-auth>";

/// The plain form of an old server.
pub(crate) const PLAIN_FORM: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<auth id=\"main\"><title>SSL VPN Service</title><message>Please enter your username and password.</message>
<form method=\"post\" action=\"/+webvpn+/index.html\">
<input type=\"text\" name=\"username\" label=\"Username:\" /><input type=\"password\" name=\"password\" label=\"Password:\" />
<input type=\"hidden\" name=\"tgcookieset\" value=\"1 &amp; 2\" /><input type=\"submit\" name=\"Login\" value=\"Login\" />
</form></auth>";

/// A server that knows nothing but a single sign-on.
pub(crate) const SSO_ONLY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<config-auth client=\"vpn\" type=\"auth-request\" aggregate-auth-version=\"2\"><auth id=\"main\"><title>Login</title>
<message>Please complete the authentication process in the AnyConnect Login window.</message><banner></banner>
<sso-v2-login>https://vpn.test/+CSCOE+/saml/sp/login?tgname=x</sso-v2-login>
<sso-v2-login-final>https://vpn.test/+CSCOE+/saml_ac_login.html</sso-v2-login-final>
<sso-v2-token-cookie-name>acSamlv2Token</sso-v2-token-cookie-name><sso-v2-error-cookie-name>acSamlv2Error</sso-v2-error-cookie-name>
<form><input type=\"sso\" name=\"sso-token\"></input></form></auth></config-auth>";
