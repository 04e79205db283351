// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// What the pool needs of a token.
interface IToken {
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

/// @title A pool of two tokens whose product stays constant: in Solidity what `src/lib.rs` beside it is in WebAssembly.
contract Pool {
    address[2] public token;
    uint256[2] public reserve;
    uint256 private allShares;
    mapping(address => uint256) public sharesOf;

    event Swap(address indexed caller, address indexed token, uint256 paid, uint256 bought);

    constructor(address token0, address token1) {
        require(token0 != token1, "a pool is of two tokens");
        token[0] = token0;
        token[1] = token1;
    }

    /// What `amount` of a token buys of the other.
    function quote(address from, uint256 amount) external view returns (uint256) {
        return bought(sideOf(from), amount);
    }

    function swap(address from, uint256 amount, uint256 least) external returns (uint256 given) {
        uint256 side = sideOf(from);
        given = bought(side, amount);
        require(given >= least, "the price has moved");
        take(side, amount);
        reserve[1 - side] -= given;
        give(1 - side, given);
        emit Swap(msg.sender, from, amount, given);
    }

    /// Adds to both sides; the first who does sets the price, the others keep to it.
    function add(uint256 amount0, uint256 amount1) external returns (uint256 shares) {
        uint256 all = allShares;
        if (all == 0) {
            shares = root(amount0 * amount1);
        } else {
            uint256 one = all * amount0 / reserve[0];
            uint256 other = all * amount1 / reserve[1];
            shares = one < other ? one : other;
        }
        require(shares != 0, "too little for a share");
        take(0, amount0);
        take(1, amount1);
        sharesOf[msg.sender] += shares;
        allShares = all + shares;
    }

    function remove(uint256 shares) external returns (uint256 amount0, uint256 amount1) {
        uint256 all = allShares;
        sharesOf[msg.sender] -= shares;
        allShares = all - shares;
        amount0 = part(0, shares, all);
        amount1 = part(1, shares, all);
    }

    function part(uint256 side, uint256 shares, uint256 all) private returns (uint256 amount) {
        amount = reserve[side] * shares / all;
        reserve[side] -= amount;
        give(side, amount);
    }

    function sideOf(address from) private view returns (uint256) {
        if (from == token[0]) return 0;
        require(from == token[1], "the pool has no such token");
        return 1;
    }

    /// Three parts in a thousand stay in the pool.
    function bought(uint256 side, uint256 amount) private view returns (uint256) {
        uint256 paid = amount * 997;
        return reserve[1 - side] * paid / (reserve[side] * 1000 + paid);
    }

    /// Takes a token from the caller, who approved of it.
    function take(uint256 side, uint256 amount) private {
        bool taken = IToken(token[side]).transferFrom(msg.sender, address(this), amount);
        require(taken, "a token did not move");
        reserve[side] += amount;
    }

    function give(uint256 side, uint256 amount) private {
        require(IToken(token[side]).transfer(msg.sender, amount), "a token did not move");
    }

    /// The square root, rounded down, by Newton's method from above.
    function root(uint256 number) private pure returns (uint256 guess) {
        if (number == 0) return 0;
        guess = number;
        uint256 next = number / 2 + 1;
        while (next < guess) {
            guess = next;
            next = (guess + number / guess) / 2;
        }
    }
}
