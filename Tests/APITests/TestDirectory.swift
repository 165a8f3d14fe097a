import Foundation
import Testing
import Waiting

/// A real slapd on loopback, with people, groups, and an authority of its own for TLS.
///
/// Everybody's password is `secret of NAME`. It takes binds without a password for binds of nobody, as many servers do, so that
/// a client that does not look lets everybody in.
struct TestDirectory {
    let folder: String
    /// In clear until StartTLS.
    let port: Int
    /// In TLS.
    let securePort: Int

    static let base = "dc=example,dc=org"
    /// The account that searches.
    static let account = "cn=kc,dc=example,dc=org"

    private static let people = ["eva", "ina", "o,neil", "st*r", "Mia", "kai"]

    private static var entries: String {
        var text = """
            dn: dc=example,dc=org
            objectClass: domain
            dc: example

            dn: cn=kc,dc=example,dc=org
            objectClass: organizationalRole
            objectClass: simpleSecurityObject
            cn: kc
            userPassword: secret of kc

            dn: ou=people,dc=example,dc=org
            objectClass: organizationalUnit
            ou: people

            dn: ou=others,ou=people,dc=example,dc=org
            objectClass: organizationalUnit
            ou: others

            dn: ou=groups,dc=example,dc=org
            objectClass: organizationalUnit
            ou: groups

            dn: ou=own,ou=groups,dc=example,dc=org
            objectClass: organizationalUnit
            ou: own

            dn: cn=engineers,ou=groups,dc=example,dc=org
            objectClass: groupOfNames
            cn: engineers
            member: uid=eva,ou=people,dc=example,dc=org
            member: uid=o\\2cneil,ou=people,dc=example,dc=org

            dn: cn=admins,ou=own,ou=groups,dc=example,dc=org
            objectClass: groupOfNames
            cn: admins
            member: uid=eva,ou=people,dc=example,dc=org
            member: uid=kai,ou=people,dc=example,dc=org

            dn: cn=readers,ou=groups,dc=example,dc=org
            objectClass: posixGroup
            cn: readers
            gidNumber: 500
            memberUid: eva
            memberUid: st*r

            dn: uid=away,ou=people,dc=example,dc=org
            objectClass: referral
            objectClass: extensibleObject
            uid: away
            ref: ldap://127.0.0.1:9/uid=away,ou=people,dc=example,dc=org


            """
        for name in people + ["kai"] {
            // The second of that name is another entry.
            let isSecond = name == "kai" && text.contains("\nuid: kai\n")
            let place = isSecond ? "ou=others,ou=people" : "ou=people"
            text += """
                dn: uid=\(name.replacing(",", with: "\\2c")),\(place),\(base)
                objectClass: inetOrgPerson
                uid: \(name)
                cn: \(name)
                sn: \(name)
                userPassword: secret of \(name)


                """
        }
        return text
    }

    static func with(_ body: (TestDirectory) async throws -> Void) async throws {
        try await withFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/data", withIntermediateDirectories: true)
            let port = FreePorts.two()
            let directory = TestDirectory(folder: folder, port: port, securePort: port + 1)
            try await directory.prepare()
            let process = Process()
            process.executableURL = URL(filePath: "/usr/sbin/slapd")
            process.arguments = [
                "-d", "0", "-f", folder + "/slapd.conf", "-h", "ldap://127.0.0.1:\(port) ldaps://127.0.0.1:\(port + 1)",
            ]
            process.standardError = FileHandle.nullDevice
            try process.run()
            defer {
                // It inherits the runner's signal mask, in which SIGTERM waits.
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            }
            try await eventually("the directory") {
                try await run("/usr/bin/ldapwhoami", ["-x", "-H", "ldap://127.0.0.1:\(port)"]).code == 0
            }
            try await body(directory)
        }
    }

    private func prepare() async throws {
        try """
        include /etc/ldap/schema/core.schema
        include /etc/ldap/schema/cosine.schema
        include /etc/ldap/schema/nis.schema
        include /etc/ldap/schema/inetorgperson.schema
        modulepath /usr/lib/ldap
        moduleload back_mdb
        allow bind_anon_cred
        referral ldap://127.0.0.1:9/
        TLSCACertificateFile \(folder)/ca.pem
        TLSCertificateFile \(folder)/server.pem
        TLSCertificateKeyFile \(folder)/server.key
        database mdb
        suffix "\(Self.base)"
        directory \(folder)/data
        maxsize 1048576
        access to attrs=userPassword by anonymous auth by * none
        access to dn.subtree="ou=groups,\(Self.base)" by users read by * none
        access to * by dn.exact="\(Self.account)" read by self read by anonymous auth by * none

        """.write(toFile: folder + "/slapd.conf", atomically: true, encoding: .utf8)
        try Self.entries.write(toFile: folder + "/entries.ldif", atomically: true, encoding: .utf8)
        try "secret of kc\n".write(toFile: folder + "/password", atomically: true, encoding: .utf8)
        let script = """
            set -e; cd '\(folder)'
            for name in ca stranger; do
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.pem \
                    -days 1 -subj /CN=$name
            done
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=directory
            printf 'subjectAltName=DNS:localhost\\n' >names
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile names -out server.pem
            /usr/sbin/slapadd -f slapd.conf -l entries.ldif
            """
        let (code, output) = try await run("/bin/sh", ["-c", "{ \(script); } 2>&1"])
        try #require(code == 0, "\(output)")
    }
}
