/// What an agent needs to answer probes about ways.
package struct PathProbing: Sendable {
    package var survey: any WaySurvey
    package var exchange: any ProbeExchange
    package var crossing: any FrameCrossing
    package var guests: any GuestAsking
    package var gateways: any GatewayListening
    package var tunnels: any TunnelListening

    package init(
        survey: any WaySurvey, exchange: any ProbeExchange, crossing: any FrameCrossing, guests: any GuestAsking,
        gateways: any GatewayListening, tunnels: any TunnelListening
    ) {
        self.tunnels = tunnels
        self.gateways = gateways
        self.crossing = crossing
        self.guests = guests
        self.survey = survey
        self.exchange = exchange
    }
}
