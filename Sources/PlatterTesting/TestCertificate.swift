import NIOSSL

/// What an origin over TLS shows. Made for tests, good from 2020 to 2120, and worth nothing elsewhere.
package enum TestCertificate: Sendable {
    /// For `localhost` and `127.0.0.1`, signed by `authority`.
    case good
    case ofAnotherHost
    case expired
    /// By nobody but itself; else as the good one.
    case selfSigned

    /// Who has signed them, in PEM form.
    package static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBUzCB+aADAgECAgEBMAoGCCqGSM49BAMCMBgxFjAUBgNVBAMMDVBsYXR0ZXIg
        dGVzdHMwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBgxFjAUBgNV
        BAMMDVBsYXR0ZXIgdGVzdHMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASu2vix
        jSd+SyEc9+7WPWCNFEC4buDXmEjMx5G4sOm8Cb4Njdd+OdQzCrReetWeMgZDHVFV
        QdlhH2Z2ECo40+odozIwMDAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBTipgdl
        uLdIMLCd+H8URbBw4ZtOojAKBggqhkjOPQQDAgNJADBGAiEAlkQr4XGwxtE/6OUG
        1JkUKDP7GqcmNoKDSQY+QIa2BcoCIQCqjfCbxCvKNZXXWE6Wq0JTbnKZCgfVEa4X
        oniF2B321w==
        -----END CERTIFICATE-----
        """

    /// In PEM form.
    package var pem: String {
        switch self {
        case .good: Self.goodOne
        case .ofAnotherHost: Self.anotherHosts
        case .expired: Self.expiredOne
        case .selfSigned: Self.selfSignedOne
        }
    }

    /// Of all of them.
    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAnZJAF6q2z+3K0oD
        LBAIpCjrnF2jegVVMEiQ2GY99PKhRANCAARlHyfove1u2CsDEucdZI7diumU82yz
        Ns1ymMXuWpQIxfEXbicJ+S0Ht46PspJWU0KwgrwCVCg3lW3kktm75rbZ
        -----END PRIVATE KEY-----
        """

    private static let goodOne = """
        -----BEGIN CERTIFICATE-----
        MIIBdzCCAR6gAwIBAgIBAjAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1QbGF0dGVy
        IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjARMQ8wDQYD
        VQQDDAZvcmlnaW4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARlHyfove1u2CsD
        EucdZI7diumU82yzNs1ymMXuWpQIxfEXbicJ+S0Ht46PspJWU0KwgrwCVCg3lW3k
        ktm75rbZo14wXDAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwHQYDVR0OBBYE
        FDnP24ZuqCsvFL/pudAVIeZMsNXTMB8GA1UdIwQYMBaAFOKmB2W4t0gwsJ34fxRF
        sHDhm06iMAoGCCqGSM49BAMCA0cAMEQCIDWM3x6X/D43LpM9N/0Toat3bjJbPK5y
        Vxpu+JbHe0lbAiA1JSmN/MiunYVhnN10W/Rqy7UURVsVRJ6KWtJRuPOsRg==
        -----END CERTIFICATE-----
        """

    private static let anotherHosts = """
        -----BEGIN CERTIFICATE-----
        MIIBdTCCARygAwIBAgIBAzAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1QbGF0dGVy
        IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjARMQ8wDQYD
        VQQDDAZvcmlnaW4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARlHyfove1u2CsD
        EucdZI7diumU82yzNs1ymMXuWpQIxfEXbicJ+S0Ht46PspJWU0KwgrwCVCg3lW3k
        ktm75rbZo1wwWjAYBgNVHREEETAPgg1tZWRpYS5leGFtcGxlMB0GA1UdDgQWBBQ5
        z9uGbqgrLxS/6bnQFSHmTLDV0zAfBgNVHSMEGDAWgBTipgdluLdIMLCd+H8URbBw
        4ZtOojAKBggqhkjOPQQDAgNHADBEAiAMi2JQDQkWo5K6aYbMfo0VPhK1TBeYiDM6
        LYzdGsk0uwIgdPoWWUtrs6La/5UN9DgjPHEicaTPuU+8encU5IRjDNU=
        -----END CERTIFICATE-----
        """

    private static let expiredOne = """
        -----BEGIN CERTIFICATE-----
        MIIBdjCCARygAwIBAgIBBDAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1QbGF0dGVy
        IHRlc3RzMB4XDTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAwMDAwMFowETEPMA0GA1UE
        AwwGb3JpZ2luMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZR8n6L3tbtgrAxLn
        HWSO3YrplPNsszbNcpjF7lqUCMXxF24nCfktB7eOj7KSVlNCsIK8AlQoN5Vt5JLZ
        u+a22aNeMFwwGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMB0GA1UdDgQWBBQ5
        z9uGbqgrLxS/6bnQFSHmTLDV0zAfBgNVHSMEGDAWgBTipgdluLdIMLCd+H8URbBw
        4ZtOojAKBggqhkjOPQQDAgNIADBFAiAojJXu+LTxq10gdLH8Q17en+5B8cd244P0
        /aqdXBDG6AIhAIp8JhtwgMncP40h14KQ0v8CVP/g3BCWM6yQ0JnqEdZC
        -----END CERTIFICATE-----
        """

    private static let selfSignedOne = """
        -----BEGIN CERTIFICATE-----
        MIIBUzCB+qADAgECAgEFMAoGCCqGSM49BAMCMBMxETAPBgNVBAMMCHN0cmFuZ2Vy
        MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjATMREwDwYDVQQDDAhz
        dHJhbmdlcjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGUfJ+i97W7YKwMS5x1k
        jt2K6ZTzbLM2zXKYxe5alAjF8RduJwn5LQe3jo+yklZTQrCCvAJUKDeVbeSS2bvm
        ttmjPTA7MBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAdBgNVHQ4EFgQUOc/b
        hm6oKy8Uv+m50BUh5kyw1dMwCgYIKoZIzj0EAwIDSAAwRQIhALHp4qnq/9FakVTB
        T/4Zkwu3pACF/zuKG12Y1HelQOVPAiAR6ApUbHZQp2lfEuuOss3cZVlcNgnT5d8Z
        fRKVFlp3wQ==
        -----END CERTIFICATE-----
        """
}

extension TestCertificate {
    /// The end of a connection that shows it.
    func handler() throws -> NIOSSLServerHandler {
        let key = try NIOSSLPrivateKey(bytes: Array(Self.key.utf8), format: .pem)
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8))
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        return NIOSSLServerHandler(context: try NIOSSLContext(configuration: configuration))
    }
}
