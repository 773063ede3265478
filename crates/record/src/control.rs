//! Messages of industrial control protocols, and what their function codes are called.

use serde::{Deserialize, Serialize};

/// Control protocols that are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ControlProtocol {
    /// Modbus/TCP.
    #[default]
    Modbus,
    /// DNP3 (IEEE 1815).
    Dnp3,
}

/// Messages of an industrial control protocol in one packet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ControlData {
    /// Which protocol.
    pub protocol: ControlProtocol,
    /// True when the controlled device speaks (response, unsolicited response, exception).
    pub response: bool,
    /// Function codes, distinct, in order, at most 8; exceptions without their high bit.
    pub functions: Vec<u8>,
    /// Messages in the packet.
    pub messages: u16,
    /// Unit identifier (Modbus) or destination address (DNP3) of the first message.
    pub unit: u16,
    /// Source address of the first message (DNP3); 0 for Modbus.
    pub source: u16,
    /// True when the device refused (Modbus exception).
    pub exception: bool,
}

impl ControlProtocol {
    /// As people write it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Modbus => "Modbus",
            Self::Dnp3 => "DNP3",
        }
    }

    /// A function by name: Modbus application protocol 1.1b3 section 6, IEEE 1815-2012 table 4-1.
    #[must_use]
    pub const fn function(self, code: u8) -> &'static str {
        match self {
            Self::Modbus => modbus_function(code),
            Self::Dnp3 => dnp3_function(code),
        }
    }
}

const fn modbus_function(code: u8) -> &'static str {
    match code {
        1 => "Read Coils",
        2 => "Read Discrete Inputs",
        3 => "Read Holding Registers",
        4 => "Read Input Registers",
        5 => "Write Single Coil",
        6 => "Write Single Register",
        7 => "Read Exception Status",
        8 => "Diagnostics",
        11 => "Get Comm. Event Counters",
        12 => "Get Comm. Event Log",
        15 => "Write Multiple Coils",
        16 => "Write Multiple Registers",
        17 => "Report Server ID",
        20 => "Read File Record",
        21 => "Write File Record",
        22 => "Mask Write Register",
        23 => "Read Write Register",
        24 => "Read FIFO Queue",
        43 => "Encapsulated Interface Transport",
        90 => "Unity (Schneider)",
        _ => "Unknown function",
    }
}

const fn dnp3_function(code: u8) -> &'static str {
    match code {
        0 => "Confirm",
        1 => "Read",
        2 => "Write",
        3 => "Select",
        4 => "Operate",
        5 => "Direct Operate",
        6 => "Direct Operate No Ack",
        7 => "Immediate Freeze",
        8 => "Immediate Freeze No Ack",
        9 => "Freeze and Clear",
        10 => "Freeze and Clear No Ack",
        11 => "Freeze With Time",
        12 => "Freeze With Time No Ack",
        13 => "Cold Restart",
        14 => "Warm Restart",
        15 => "Initialize Data",
        16 => "Initialize Application",
        17 => "Start Application",
        18 => "Stop Application",
        19 => "Save Configuration",
        20 => "Enable Spontaneous Messages",
        21 => "Disable Spontaneous Messages",
        22 => "Assign Classes",
        23 => "Delay Measurement",
        24 => "Record Current Time",
        25 => "Open File",
        26 => "Close File",
        27 => "Delete File",
        28 => "Get File Info",
        29 => "Authenticate File",
        30 => "Abort File",
        31 => "Activate Config",
        32 => "Authentication Request",
        33 => "Authentication Error",
        129 => "Response",
        130 => "Unsolicited Response",
        131 => "Authentication Response",
        _ => "Unknown function",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_names() {
        assert_eq!(ControlProtocol::Modbus.function(5), "Write Single Coil");
        assert_eq!(ControlProtocol::Dnp3.function(13), "Cold Restart");
        assert_eq!(ControlProtocol::Dnp3.function(200), "Unknown function");
    }
}
