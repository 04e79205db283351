// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title The wei of all claims
/// @notice Whatever is paid in is held until it is credited and withdrawn, or burned: it stays here and nobody will
/// ever have it. Payment is pulled, so that no receiver can stand in another's way.
///
/// Invariant: balance = held + burned. Wei that are forced upon the contract from outside come on top, and are
/// nobody's.
abstract contract Bonds {
    error NothingToWithdraw(address account);
    error PaymentFailed(address to, uint256 amount);

    event Credited(address indexed account, uint256 amount);
    event Burned(uint256 amount);
    event CreditWithdrawn(address indexed account, address to, uint256 amount);

    /// @notice Wei that an account may withdraw.
    mapping(address account => uint256) public credit;
    /// @notice Wei of all claims in play and of all credits.
    uint256 public held;
    /// @notice Wei that nobody will ever have.
    uint256 public burned;

    /// @notice Pays out the caller's credit.
    function withdraw(address payable to) external {
        uint256 amount = credit[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        credit[msg.sender] = 0;
        held -= amount;
        emit CreditWithdrawn(msg.sender, to, amount);
        (bool ok,) = to.call{ value: amount }("");
        if (!ok) revert PaymentFailed(to, amount);
    }

    function _hold(uint256 amount) internal {
        held += amount;
    }

    function _credit(address account, uint256 amount) internal {
        credit[account] += amount;
        emit Credited(account, amount);
    }

    function _burn(uint256 amount) internal {
        burned += amount;
        held -= amount;
        emit Burned(amount);
    }
}
